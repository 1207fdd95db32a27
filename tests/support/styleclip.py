"""What StyleCLIP's published code shows to CLIP, for references that were recorded with it."""

from __future__ import annotations

import torch
from torch import Tensor

UPSTREAM = 224
"""Side of the picture that CLIP is shown, pixels."""


def area_resampled(picture: Tensor, side: int = UPSTREAM) -> Tensor:
    """(N,C,H,W) -> (N,C,side,side): each pixel the mean of what it covers, shares of pixels included.

    The published code enlarges 7 times and pools by H / 32, which is this for H = 32 k and side 224, and takes 600 MB
    for 1,024 pixels on the way.
    """
    down, across = (_shares(length, side).to(picture) for length in picture.shape[-2:])
    return down @ picture @ across.T


def _shares(length: int, side: int) -> Tensor:
    """(side,length): which part of each output pixel every input pixel fills; rows add up to 1."""
    step = length / side
    begins, pixels = torch.arange(side, dtype=torch.float64) * step, torch.arange(length, dtype=torch.float64)
    overlap = torch.minimum((begins + step)[:, None], pixels + 1) - torch.maximum(begins[:, None], pixels)
    return overlap.clamp(min=0) / step
