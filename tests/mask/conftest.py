"""A small real generator and pairs of its codes for the tests of mask."""

from __future__ import annotations

import pytest
import torch

from higan_cam.generate.stylegan2 import StyleGAN2
from tests.support.scorers import EDITED, Pair


@pytest.fixture(scope="session")
def generator() -> StyleGAN2:
    """StyleGAN2 of 16 px: 6 w+ rows, 5 layers (4, 8, 8, 16, 16 px), 12 channels; parameters still want gradients."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StyleGAN2(
            resolution=16, z_dim=8, w_dim=8, mapping_layers=1, mapping_width=8, channels=(12, 12, 12)
        ).eval()


@pytest.fixture(scope="session")
def pair(generator: StyleGAN2) -> Pair:
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        middle = generator.truncate(generator.map(torch.randn(3, 8, generator=source)))
    step = torch.zeros_like(middle)
    step[:, EDITED] = 0.3 * torch.randn(8, generator=source)
    return Pair(middle - step, middle + step)
