"""Faults planted in pictures: augmentations, for a detector to learn, and the flaws of a poor generator, to look past.

All is drawn from one generator of numbers, so that equal seeds plant the same.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.train.gan.augment import coloured, moved_places

PLANTED = ("flip", "rotate", "shift", "cut-out", "colour")
TURNED = (math.radians(5), math.radians(25))
MOVED = (0.04, 0.15)
"""Least and largest shift, as a share of the side."""
HOLE = (0.3, 0.5)
"""Side of the hole, as a share of the picture's."""
FLAWED = 0.5
"""Chance of each flaw in a picture that has any."""
GHOST, TINT, NOISE = 0.3, 0.3, 0.15
"""The most of another picture's share, and of the deviations of patches and pixels, where white is 1 and black -1."""


def plant(images: Tensor, which: Tensor, draw: np.random.Generator) -> Tensor:
    """Pictures with the augmentations that `which` names, as trainers apply them, each by its own amount.

    What comes in from beyond the border, and the hole, is black, mid grey or (not the hole) the picture's own mirror.

    Args:
        images: (N,3,S,S) in [-1,1].
        which: (N,5) of bool, columns `PLANTED`.
    """
    flip, rotate, shift, cut, colour = which.unbind(1)
    fill = torch.where(_uniform(draw, len(images), 1)[:, 0] < 0.5, -1.0, 0.0)
    recoloured = coloured(images, *_uniform(draw, len(images), 3).unbind(1)).clamp(-1, 1)
    images = torch.where(_of(colour), recoloured, images)
    moved = _moved(images, flip, _turns(rotate, draw), _shifts(shift, images.shape[3], draw), fill, draw)
    images = torch.where(_of(flip | rotate | shift), moved, images)
    return torch.where(_of(cut) & _holes(images, draw), _of(fill), images)


def spoil(images: Tensor, others: Tensor, draw: np.random.Generator) -> Tensor:
    """Pictures as a poor generator would draw them: some of soft, noisy, the ghost of another, tinted in large patches.

    Args:
        images: (N,3,S,S) in [-1,1], S even; others: as many, whose ghosts are seen.
    """
    count, side = len(images), images.shape[3]
    amounts = _uniform(draw, count, 4) * (_uniform(draw, count, 4) < FLAWED)
    soft, noisy, ghost, tint = (_of(amounts[:, column]) for column in range(4))
    images = torch.lerp(images, others, GHOST * ghost)
    small = F.interpolate(images, size=(side // 2, side // 2), mode="area")
    smaller = F.avg_pool2d(small, 2) if side >= 16 else small
    blurred = [
        F.interpolate(part, size=(side, side), mode="bilinear", align_corners=False) for part in (small, smaller)
    ]
    images = torch.lerp(images, blurred[0], (2 * soft).clamp(max=1))
    images = torch.lerp(images, blurred[1], (2 * soft - 1).clamp(min=0))
    patches = torch.from_numpy(draw.standard_normal((count, 3, 4, 4), np.float32))
    images = images + TINT * tint * F.interpolate(patches, size=(side, side), mode="bicubic", align_corners=False)
    noise = torch.from_numpy(draw.standard_normal(tuple(images.shape), np.float32))
    return (images + NOISE * noisy * noise).clamp(-1, 1)


def ruin(images: Tensor, draw: np.random.Generator) -> Tensor:
    """Pictures of which nothing is left but colours, or the spectrum, or the parts: what a generator draws at first.

    Half of them get random phases, the same in all channels (Galerne et al. 2011), so that they are texture as rough as
    the picture; of the others the sixteen parts change places.

    Args:
        images: (N,3,S,S) in [-1,1], S a multiple of 4.
    """
    count, side = len(images), images.shape[3]
    noise = torch.from_numpy(draw.standard_normal((count, 1, side, side), np.float32))
    phases = torch.fft.rfft2(noise)
    middle = images.mean(dim=(2, 3), keepdim=True)
    spectrum = torch.fft.rfft2(images - middle) * phases / phases.abs().clamp(min=1e-6)
    texture = (torch.fft.irfft2(spectrum, s=(side, side)) + middle).clamp(-1, 1)
    parts = images.unflatten(2, (4, -1)).unflatten(4, (4, -1)).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    order = torch.from_numpy(draw.random((count, 16), np.float32)).argsort(dim=1)
    mixed = parts[torch.arange(count)[:, None], order].unflatten(1, (4, 4)).permute(0, 3, 1, 4, 2, 5)
    shuffled = mixed.flatten(4, 5).flatten(2, 3)
    return torch.where(_of(_uniform(draw, count, 1)[:, 0] < 0.5), texture, shuffled)


def _turns(rotate: Tensor, draw: np.random.Generator) -> Tensor:
    """(N,) angles in radians, 0 where there is to be none."""
    size, sign = _uniform(draw, len(rotate), 2).unbind(1)
    return rotate * torch.where(sign < 0.5, -1.0, 1.0) * (TURNED[0] + (TURNED[1] - TURNED[0]) * size)


def _shifts(shift: Tensor, side: int, draw: np.random.Generator) -> Tensor:
    """(N,2) whole pixels as shares of half the side, which `affine_grid` counts in; one direction at least moves."""
    numbers = _uniform(draw, len(shift), 4)
    far = MOVED[0] + (MOVED[1] - MOVED[0]) * numbers[:, 0]
    along = 2 * math.pi * numbers[:, 1]
    pixels = (torch.stack([along.cos(), along.sin()], 1) * far[:, None] * side).round()
    pixels[(pixels == 0).all(dim=1), 0] = 1
    return shift[:, None] * 2 * pixels / side


def _moved(
    images: Tensor, flip: Tensor, turns: Tensor, shifts: Tensor, fill: Tensor, draw: np.random.Generator
) -> Tensor:
    grid, beyond = moved_places(images, flip, turns, shifts), _of(fill)
    filled = F.grid_sample(images - beyond, grid, align_corners=False) + beyond
    reflected = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return torch.where(_of(_uniform(draw, len(images), 1)[:, 0] < 0.2), reflected, filled)


def _holes(images: Tensor, draw: np.random.Generator) -> Tensor:
    """(N,1,S,S) of bool: a square, its middle anywhere in the picture."""
    side = images.shape[3]
    size, *middles = _uniform(draw, len(images), 3).unbind(1)
    half = (HOLE[0] + (HOLE[1] - HOLE[0]) * size)[:, None] * side / 2
    down, across = ((torch.arange(side) + 0.5 - middle[:, None] * side).abs() <= half for middle in middles)
    return (down[:, :, None] & across[:, None, :])[:, None]


def _uniform(draw: np.random.Generator, count: int, columns: int) -> Tensor:
    return torch.from_numpy(draw.random((count, columns), np.float32))


def _of(values: Tensor) -> Tensor:
    """(N,) -> (N,1,1,1)."""
    return values[:, None, None, None]
