"""How good an inversion is, in numbers: picture against reconstruction, and the code against the generator's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.losses.features import Features

DEEP = 4
"""The first stage of EfficientNet-Lite0 that sees what is there rather than its texture (1/16 of the side)."""
SEEN = 128
"""Side of the picture that it looks at, pixels."""
BEST_PSNR = 99.0
"""Where picture and reconstruction are equal, dB; infinity is no number that a table can average."""


@runtime_checkable
class HasFeatures(Protocol):
    """A scorer that says what it sees, not only how much: `features`, (N,3,H,W) in [-1,1] -> (N,F)."""

    def features(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,F)."""
        ...


@dataclass(frozen=True)
class PooledFeatures:
    """What a network of natural pictures sees, averaged over the picture: for scorers that have no features.

    Attributes:
        stages: (N,3,H,W) in [-1,1] -> (N,C,h,w) of each of its stages.
    """

    stages: Features

    def features(self, image: Tensor) -> Tensor:
        """See `HasFeatures`."""
        seen = F.interpolate(image, (SEEN, SEEN), mode="bilinear", align_corners=False)
        return torch.cat([stage.mean(dim=(2, 3)) for stage in tuple(self.stages(seen))[DEEP:]], dim=1)


def psnr(image: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
    """(N,3,S,S) in [-1,1], both clamped -> (N,) dB of peak signal (2) to noise.

    Args:
        seen: (N,1,S,S) weights of the pixels; None for all alike.
    """
    squares = (image.clamp(-1, 1) - target.clamp(-1, 1)).double().square().mean(dim=1, keepdim=True)
    weights = torch.ones_like(squares) if seen is None else seen.double()
    error = (squares * weights).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3)).clamp(min=1)
    return (10 * torch.log10(4 / error.clamp(min=1e-12))).clamp(max=BEST_PSNR)


def feature_distance(scorer: HasFeatures, image: Tensor, target: Tensor) -> Tensor:
    """(N,) root mean square difference of features, as a share of the root mean square of the picture's own."""
    found, wanted = scorer.features(image.clamp(-1, 1)), scorer.features(target)
    size = wanted.square().mean(dim=1).clamp(min=1e-12).sqrt()
    return (found - wanted).square().mean(dim=1).sqrt() / size
