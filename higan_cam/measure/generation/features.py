"""What a network sees in pictures, by which two sets of them are compared, and the record of how it was shown them.

A distance between two sets depends on the network, on how pictures were enlarged for it and on how many there were, so
none is told without this record. The network should not be one that had a part in the training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import unknown_name
from higan_cam.generate import from_uint8
from higan_cam.label.loading import lighting_scorer
from higan_cam.types import ByteArray, FloatArray
from higan_cam.weights.efficientnet_lite0 import NAME, SIDE, load_efficientnet_lite0
from higan_cam.weights.embedded import EMBEDDED_SCORERS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.zoo import weights_file

BATCH = 64
LEAST_SIDE = 64
"""Pixels: smaller pictures are enlarged to it, or the network's strides leave nothing."""
FILTER = "bicubic, antialiased"


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """A network, ready to describe pictures.

    Attributes:
        name: what it is called here.
        sha256: of its weights.
        describe: (N,3,S,S) in [-1,1], at the side that `side_for` says -> (N,D).
        side_for: side of the pictures -> the side at which the network sees them.
        device: where it computes.
    """

    name: str
    sha256: str
    describe: Callable[[Tensor], Tensor]
    side_for: Callable[[int], int]
    device: str = "cpu"

    @torch.no_grad()
    def of(self, images: ByteArray) -> FloatArray:
        """(N,S,S,3) uint8 -> (N,D) float32."""
        side, found = self.side_for(images.shape[1]), list[FloatArray]()
        for first in range(0, len(images), BATCH):
            batch = from_uint8(images[first : first + BATCH]).to(self.device)
            if side != batch.shape[-1]:
                batch = F.interpolate(batch, size=(side, side), mode="bicubic", align_corners=False, antialias=True)
            found.append(self.describe(batch).float().cpu().numpy())
        return np.concatenate(found)


def efficientnet_lite0(device: str = "cpu") -> FeatureSpace:
    """The last of EfficientNet-Lite0's stages, 320 channels, each its mean over pixels; at 64 to 224 px.

    Raises:
        WeightsError: its file is not fetched yet.
    """
    network = load_efficientnet_lite0().to(device)
    digest = sha256_of(weights_file(NAME, {}))
    return FeatureSpace(
        NAME,
        digest,
        lambda x: network.features(x)[-1].mean(dim=(2, 3)),
        lambda side: min(SIDE, max(LEAST_SIDE, side)),
        device,
    )


def rooms_scorer(device: str = "cpu") -> FeatureSpace:
    """What the embedded scorer of lighting knows of a room: its 128 features, at the side that it was trained at."""
    file = weights_file("rooms", EMBEDDED_SCORERS)
    scorer = lighting_scorer(file).to(device)
    return FeatureSpace("rooms_scorer", sha256_of(file), scorer.features, lambda _: scorer.input_size, device)


FEATURE_SPACES: dict[str, Callable[[str], FeatureSpace]] = {NAME: efficientnet_lite0, "rooms_scorer": rooms_scorer}
"""Name -> factory(device)."""


def feature_space(name: str, device: str = "cpu") -> FeatureSpace:
    """The network of this name.

    Raises:
        ConfigError: no such name. WeightsError: its weights are not there.
    """
    check_known([name])
    return FEATURE_SPACES[name](device)


def check_known(names: Iterable[str]) -> None:
    """Return where every name is that of a network. ConfigError: one is not."""
    for name in names:
        if name not in FEATURE_SPACES:
            raise unknown_name("features", name, FEATURE_SPACES)
