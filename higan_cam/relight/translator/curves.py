"""Response curves that can be derived: display values in [0,1] <-> light, of the names of `response.RESPONSES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.losses.light import linear_rgb
from higan_cam.relight.response import BRIGHTEST

_DARKEST = 1e-6
"""Below it the square root of `film` has no slope that could be used."""


@dataclass(frozen=True)
class Curve:
    """What display values, [0,1], mean as light, and back; clamped only where there is no light for a value."""

    light: Callable[[Tensor], Tensor]
    display: Callable[[Tensor], Tensor]


def _film_display(light: Tensor) -> Tensor:
    return (-torch.expm1(-light)).clamp(min=_DARKEST).sqrt()


def _srgb_display(light: Tensor) -> Tensor:
    power = 1.055 * light.clamp(min=0.0031308).pow(1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, power).clamp(max=1.0)


CURVES = {
    "srgb": Curve(lambda display: linear_rgb(2 * display - 1), _srgb_display),
    "film": Curve(lambda display: -torch.log1p(-display.clamp(max=BRIGHTEST).square()), _film_display),
}
