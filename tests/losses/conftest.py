"""Files of networks with drawn weights, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.losses import Parts
from tests.losses.networks import (
    drawn_efficientnet,
    drawn_heads,
    drawn_trunk,
    small_features,
    small_identity,
    small_spread,
    write_files,
)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | Path]:
    """VGG16, AlexNet and both heads, in their published layouts."""
    tensors = {
        "vgg16": drawn_trunk("vgg16"),
        "alexnet": drawn_trunk("alexnet", "alexnet.{name}"),
        "efficientnet_lite0": drawn_efficientnet(),
        "lpips_vgg": drawn_heads("vgg16", "heads_vgg.{name}"),
        "lpips_alex": drawn_heads("alexnet", "heads_alex.{name}"),
    }
    return write_files(tmp_path_factory.mktemp("backbones"), tensors)


@pytest.fixture(scope="session")
def parts(files: dict[str, str | Path]) -> Parts:
    """Everything that any loss needs; codes have five coordinates."""
    return Parts(small_features, small_identity, small_spread(), files)
