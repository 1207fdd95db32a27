"""How good an inversion is, in numbers: picture against reconstruction, and the code against the generator's own."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

BEST_PSNR = 99.0
"""Where picture and reconstruction are equal, dB; infinity is no number that a table can average."""


@runtime_checkable
class HasFeatures(Protocol):
    """A scorer that says what it sees, not only how much: `features`, (N,3,H,W) in [-1,1] -> (N,F)."""

    def features(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,F)."""
        ...


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
