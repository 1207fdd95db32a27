"""How a picture was taken: a camera that stands, zooms and develops otherwise than the generator's own.

A generator cannot move its camera: a shift of 4 px costs more than anything else that a photo does. So a photo is taken
as photographed(G(w+), camera), and the eight numbers of the camera are found along with the code. Heat and masks, which
are the generator's, are brought to the photo by `placed`. Shapes: N pictures, S their side, pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

CAMERA = ("dx", "dy", "log_zoom", "log_exposure", "gamma", "wb_r", "wb_b", "vignette")
"""Columns of a camera, in the order of what happens to what the generator draws:

`log_zoom`: logarithm of the enlargement about the middle. `dx`, `dy`: then the shift to the right and down, in shares
of the side. `log_exposure`: logarithm of the factor on linear light (display values in [0,1], squared). `wb_r`, `wb_b`:
factors on red and blue beside that, green's is 1. `vignette`: share of the light that the corners lose. `gamma`: then
the power of the display value.
"""
AT_REST = (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
"""The camera of the generator itself."""
TYPICAL = (0.03, 0.03, 0.02, 0.1, 0.1, 0.05, 0.05, 0.2)
"""Deviations of photos that are worth straightening: the unit in which a camera is far from rest."""
DARKEST = 1e-3
"""Display value below which all is this: a power's slope at 0 has no bound."""


def at_rest(count: int, like: Tensor) -> Tensor:
    """(count,8) cameras that change nothing."""
    return like.new_tensor(AT_REST).expand(count, -1).clone()


def photographed(image: Tensor, camera: Tensor) -> Tensor:
    """(N,3,S,S) in [-1,1], (N,8) -> what the camera makes of it, in [-1,1] but for what is too bright. Differentiable.

    What the picture does not show is as the nearest pixel of its border (`reach` says where).
    """
    return developed(placed(image, camera), camera)


def placed(maps: Tensor, camera: Tensor) -> Tensor:
    """(N,C,S,S) pictures, heat or masks of the generator's -> where the photo shows them; bilinear."""
    return F.grid_sample(maps, _looked_at(camera, maps.shape[-1]), padding_mode="border", align_corners=False)


def straightened(maps: Tensor, camera: Tensor) -> Tensor:
    """(N,C,S,S) of the photo's -> where the generator's own camera would show them: the way back from `placed`."""
    zoom, shift = camera[:, 2].exp()[:, None], 2 * camera[:, :2]
    return F.grid_sample(maps, _grid(zoom, shift, maps.shape[-1]), padding_mode="border", align_corners=False)


def placed_affine(camera: Sequence[float], side: int) -> tuple[float, float, float]:
    """One camera (8) -> (scale, dx, dy): pixel (x, y) of the generator's is at (scale x + dx, scale y + dy) of the
    photo's square of `side` pixels, centres counted from 0."""
    across, down, zoom = camera[0], camera[1], math.exp(camera[2])
    middle = (side - 1) / 2 * (1 - zoom)
    return zoom, middle + across * side, middle + down * side


def reach(camera: Tensor, side: int) -> Tensor:
    """(N,8) -> (N,1,side,side): 1 where the photo shows what the generator draws, 0 where it looks past that."""
    inside = (_looked_at(camera.detach(), side).abs() <= 1).all(dim=3)
    seen: Tensor = inside[:, None].to(camera.dtype)
    return seen


def developed(image: Tensor, camera: Tensor) -> Tensor:
    """(N,3,S,S) in [-1,1], (N,8) -> the same with the camera's vignette, exposure, balance and gamma."""
    exposure, gamma, red, blue, vignette = camera[:, 3:].T[:, :, None, None]
    factors = exposure.exp()[:, None] * torch.stack([red, torch.ones_like(red), blue], dim=1)
    light = factors * (1 - vignette * _off_centre(image))[:, None]
    display = ((image + 1) / 2).clamp(min=DARKEST) * light.clamp(min=DARKEST).sqrt()
    shown: Tensor = 2 * display.pow(gamma[:, None]) - 1
    return shown


def unrest(camera: Tensor) -> Tensor:
    """(N,8) -> (N,) mean square of how far the camera is from rest, in units of `TYPICAL`."""
    return ((camera - camera.new_tensor(AT_REST)) / camera.new_tensor(TYPICAL)).square().mean(dim=1)


def _looked_at(camera: Tensor, side: int) -> Tensor:
    """(N,side,side,2) where in the generator's picture each pixel of the photo looks; x and y in [-1,1]."""
    per_zoom = (-camera[:, 2]).exp()[:, None]
    return _grid(per_zoom, -2 * camera[:, :2] * per_zoom, side)


def _grid(scale: Tensor, shift: Tensor, side: int) -> Tensor:
    """(N,1), (N,2) -> (N,side,side,2): scale x position + shift of the pixels' middles."""
    diagonal = torch.diag_embed(scale.expand(-1, 2))
    moves = torch.cat([diagonal, shift[:, :, None]], dim=2)
    return F.affine_grid(moves, [len(scale), 1, side, side], align_corners=False)


def _off_centre(image: Tensor) -> Tensor:
    """(S,S) squared distance from the middle: 0 there, 1 in the corners."""
    side = image.shape[-1]
    squares = ((torch.arange(side, device=image.device, dtype=image.dtype) + 0.5) / side * 2 - 1).square() / 2
    return squares[:, None] + squares[None, :]
