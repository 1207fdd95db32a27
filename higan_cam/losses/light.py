"""Light in the units in which it adds up: sRGB's curve (IEC 61966-2-1) undone."""

from __future__ import annotations

import torch
from torch import Tensor

REC_709 = (0.2126, 0.7152, 0.0722)
"""Rec. 709 weights of linear R, G, B."""
_KNEE = 0.04045
"""Display value below which the curve is a straight line."""


def linear_rgb(image: Tensor) -> Tensor:
    """Display values in [-1,1], any shape -> linear ones in [0,1].

    Not clamped: below -1 the straight line goes on, above 1 the power, so that a picture on its way to [-1,1] has a
    gradient that leads there.
    """
    display = (image + 1) / 2
    # A power of what lies below the knee is not taken, but would make its gradient NaN.
    power = ((display.clamp(min=_KNEE) + 0.055) / 1.055).pow(2.4)
    return torch.where(display <= _KNEE, display / 12.92, power)


def linear_light(image: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1], clamped -> (N,H,W) relative luminance in [0,1]."""
    return (linear_rgb(image.clamp(-1, 1)) * image.new_tensor(REC_709)[:, None, None]).sum(dim=1)
