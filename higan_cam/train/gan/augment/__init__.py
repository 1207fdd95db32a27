"""What is done to pictures before the discriminator sees them: differentiable, and each picture's own chance decides.

`classic` is the mistake that shows in the samples: reals alone are changed, so the generator learns to draw changed
pictures. `diffaugment` (Zhao et al. 2020, arXiv:2006.10738) changes reals and samples alike and lets the gradient
through, so that the discriminator cannot tell them by it: brightness, saturation and contrast; a shift of up to an
eighth of the side; a hole of half the side. `ada` is a module of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.train.gan.augment.ada import ADA_DRAWS, ada

DRAWS = 8
"""Uniform numbers in [0,1) that a picture's augmentation takes, but for `ada`."""
SHIFT = 1 / 8
HOLE = 1 / 2
FLIPPED, TURNED, MOVED = 0.5, math.radians(20), 0.12
"""Of `classic`: share that is mirrored, the largest turn and the largest shift, as a share of the side."""


def unchanged(images: Tensor, draws: Tensor, *, real: bool) -> Tensor:
    """The pictures as they are."""
    del draws, real
    return images


def classic(images: Tensor, draws: Tensor, *, real: bool) -> Tensor:
    """Reals flipped, turned and shifted, black beyond their border; samples as they are."""
    if not real:
        return images
    shifts = (2 * draws[:, 2:4] - 1) * 2 * MOVED
    grid = moved_places(images, draws[:, 0] < FLIPPED, (2 * draws[:, 1] - 1) * TURNED, shifts)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def moved_places(images: Tensor, flip: Tensor, turns: Tensor, shifts: Tensor) -> Tensor:
    """(N,S,S,2) where `grid_sample` finds the pixels of pictures (N,3,S,S) that move about their middles.

    Args:
        flip: (N,) of bool. turns: (N,) in radians. shifts: (N,2) across and down, as shares of half the side.
    """
    mirror, cos, sin = torch.where(flip, -1.0, 1.0), turns.cos(), turns.sin()
    rows = (torch.stack((cos * mirror, -sin, shifts[:, 0]), 1), torch.stack((sin * mirror, cos, shifts[:, 1]), 1))
    return F.affine_grid(torch.stack(rows, 1).to(images), list(images.shape), align_corners=False)


def diffaugment(images: Tensor, draws: Tensor, *, real: bool) -> Tensor:
    """Colour, shift and hole; the same for reals and samples."""
    del real
    parts = draws.to(images).unbind(1)
    return _hole(_shifted(coloured(images, *parts[:3]), parts[3], parts[4]), parts[5], parts[6])


def coloured(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """Pictures lighter or darker, greyer or brighter in colour, and of more or less contrast; .5 changes nothing.

    Args:
        images: (N,3,H,W). brightness, saturation, contrast: (N,) in [0,1).
    """
    images = images + (brightness - 0.5)[:, None, None, None]
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)[:, None, None, None]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (contrast + 0.5)[:, None, None, None]


def _shifted(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """By whole pixels; 0, a mid grey, comes in."""
    count, _, height, width = images.shape
    rows, columns = (
        torch.arange(size, device=images.device) + _whole(draw, round(size * SHIFT))[:, None]
        for size, draw in ((height, down), (width, across))
    )
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    which = torch.arange(count, device=images.device)[:, None, None]
    taken = images.permute(0, 2, 3, 1)[
        which, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None]
    ]
    return taken.permute(0, 3, 1, 2) * inside[:, None]


def _whole(draw: Tensor, largest: int) -> Tensor:
    """[0,1) -> -largest … largest, each as likely."""
    return (draw.double() * (2 * largest + 1)).floor().long() - largest


def _hole(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """A square of 0, half the side, its middle anywhere in the picture."""
    height, width = images.shape[2:]
    there = [
        (torch.arange(size, device=images.device) - (draw * size).floor()[:, None]).abs() <= size * HOLE / 2
        for size, draw in ((height, down), (width, across))
    ]
    return images * ~(there[0][:, :, None] & there[1][:, None, :])[:, None]


Augment = Callable[..., Tensor]
AUGMENTATIONS: dict[str, Augment] = {"none": unchanged, "classic": classic, "diffaugment": diffaugment, "ada": ada}
"""Name -> (images (N,3,H,W) in [-1,1], draws (N,draws_of) in [0,1), real=whether) -> what the discriminator sees."""
ADAPTIVE = frozenset({"ada"})
"""Those that take `chance`, which training sets."""


def draws_of(name: str) -> int:
    """Uniform numbers that a picture's augmentation takes, of that name."""
    return ADA_DRAWS if name in ADAPTIVE else DRAWS
