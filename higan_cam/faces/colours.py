"""The colours of a face, sRGB in [0,1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.faces.scene import Scene
from higan_cam.faces.shapes import Points

Rgb = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours of N faces, (N,3,1,1) or (N,3,R,R)."""

    background: Tensor
    clothes: Tensor
    skin: Tensor
    skin_shadow: Tensor
    cheek: Tensor
    nose: Tensor
    hair: Tensor
    hair_behind: Tensor
    brow: Tensor
    iris: Tensor
    lips_above: Tensor
    lips_below: Tensor
    mouth: Tensor
    teeth: Tensor
    tongue: Tensor
    white: Tensor
    dark: Tensor
    frame: Tensor
    glass: Tensor


def palette_of(scene: Scene, grid: Points) -> Palette:
    """The colours of these faces at these points."""

    def get(name: str) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(scene.column(name)))[:, None, None, None]

    lit = _lighting(get("light"), grid)
    skin = _between((0.44, 0.28, 0.20), (0.97, 0.80, 0.69), get("skin_tone"))
    skin = skin * _between((1.0, 0.98, 1.0), (1.02, 0.97, 0.90), get("skin_warmth"))
    hair = _between((0.10, 0.08, 0.09), (0.88, 0.80, 0.60), get("hair_color"))
    hair = hair * _between((1.0, 1.0, 1.02), (1.12, 0.94, 0.80), get("hair_warmth"))
    lips = skin * _between((0.86, 0.58, 0.56), (0.96, 0.42, 0.44), get("lips"))
    clothes = torch.cat([get(f"clothes_{colour}") for colour in ("red", "green", "blue")], 1) * 0.55 + 0.2
    strands = _strands(grid)
    return Palette(
        background=_background(get("background_mean"), get("background_std"), get("background_hue"), grid),
        clothes=clothes * (1 - 0.22 * grid.x.square())[:, None],
        skin=skin * lit,
        skin_shadow=skin * lit * _rgb((0.80, 0.74, 0.74)),
        cheek=skin * lit * _rgb((1.02, 0.80, 0.78)),
        nose=skin * lit * _rgb((1.05, 1.0, 0.98)) * (1 - 0.12 * (grid.y - 0.1).clamp(-0.3, 0.3))[:, None],
        hair=hair * lit * (strands + 0.02),
        hair_behind=hair * (strands - 0.20),
        brow=hair * 0.72 + _rgb((0.03, 0.02, 0.02)),
        iris=_between((0.24, 0.14, 0.08), (0.28, 0.52, 0.66), get("iris")),
        lips_above=lips * 0.88,
        lips_below=lips,
        mouth=_rgb((0.26, 0.06, 0.08)),
        teeth=_rgb((0.96, 0.95, 0.92)),
        tongue=_rgb((0.74, 0.30, 0.32)),
        white=_rgb((0.97, 0.97, 0.97)),
        dark=_rgb((0.09, 0.07, 0.08)),
        frame=_rgb((0.13, 0.11, 0.14)),
        glass=_rgb((0.90, 0.96, 1.0)),
    )


def _rgb(colour: Rgb) -> Tensor:
    return torch.tensor(colour)[None, :, None, None]


def _between(low: Rgb, high: Rgb, t: Tensor) -> Tensor:
    return torch.lerp(_rgb(low), _rgb(high), t)


def _lighting(light: Tensor, grid: Points) -> Tensor:
    """(N,1,R,R) brighter at the side that the light falls from, and at the top."""
    return 1 + 0.20 * (2 * light - 1) * grid.x[:, None] - 0.10 * grid.y[:, None]


def _strands(grid: Points) -> Tensor:
    """(1,1,R,R) shading of hair: a band of gloss, and strands that fall from the crown."""
    angle = torch.atan2(grid.x + 0.1, grid.y + 1.3)
    radius = ((grid.x + 0.1).square() + (grid.y + 1.3).square()).sqrt()
    gloss = 0.16 * torch.exp(-((radius - 0.72) / 0.13).square())
    return (1 + gloss + 0.06 * torch.cos(40 * angle))[:, None]


def _background(mean: Tensor, deviation: Tensor, hue: Tensor, grid: Points) -> Tensor:
    """(N,3,R,R): a tone, tinted a little, with a pattern of soft discs that is stronger where it is said so."""
    tint = _between((0.94, 1.0, 1.06), (1.06, 1.0, 0.94), hue)
    tone = 0.28 + 0.50 * mean + (0.02 + 0.22 * deviation) * _pattern(grid)
    return tone * tint


_DISCS = (
    *((-0.82, -0.80, 0.30, 1.0), (-0.30, -0.92, 0.20, -1.0), (0.30, -0.88, 0.24, 1.0), (0.84, -0.72, 0.28, -1.0)),
    *((-0.80, -0.22, 0.24, -1.0), (0.84, -0.10, 0.30, 1.0), (-0.86, 0.36, 0.30, 1.0), (0.80, 0.44, 0.20, -1.0)),
)
"""(x, y, radius, sign) of the discs behind a face."""


def _pattern(grid: Points) -> Tensor:
    """(1,1,R,R) in about [-1,1]."""
    total = torch.zeros(1)
    for x, y, radius, sign in _DISCS:
        away = ((grid.x - x).square() + (grid.y - y).square()).sqrt()
        total = total + sign * torch.sigmoid((radius - away) / 0.035)
    return total[:, None]
