"""Adaptive discriminator augmentation (Karras et al. 2020, arXiv:2006.06676): the more, the surer the discriminator is.

Each operation changes each picture with chance p, reals and samples alike. Places change by one affine warp (flip,
quarter turns, whole shifts, scales, turns, fractions of a pixel), colours by one 3 x 4 matrix. The paper's figures, but
for its wavelet filters: where the warp shrinks, a pixel is the mean of four points as far apart as it grows; where it
does not, it is plainly bilinear.

On a GPU a run may not end in the same bytes when it is repeated: the generator's gradient goes through `grid_sample`,
whose backward on CUDA adds up atomically, in no fixed order (see `torch.use_deterministic_algorithms`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

EVERY = 4
"""Steps between changes of p."""
WHOLE, FRACTION = 1 / 8, 1 / 8
"""Largest shift by whole pixels, and spread of the shift by fractions, as shares of the side."""
SCALE, CONTRAST, SATURATION = (share * math.log(2) for share in (0.2, 0.5, 1.0))
"""Spreads of the logarithms of factors."""
BRIGHTNESS = 0.2
LUMA = torch.full((3,), 1 / math.sqrt(3), dtype=torch.float64)
"""Axis of grey: hue turns about it, saturation stretches away from it."""
RAREST = 1e-6
"""Of a normal number, on either side: nothing is infinite."""


@dataclass(frozen=True)
class Operation:
    """One change, as a matrix.

    Attributes:
        numbers: how many it takes, beside the one that decides whether it happens.
        matrix: ((N,numbers) in [0,1), side in px) -> (N,3,3) from places after to places before, or (N,4,4) from
            colours before to colours after.
        half: one of two that happen independently, which together have chance p.
    """

    numbers: int
    matrix: Callable[[Tensor, int], Tensor]
    half: bool = False


def ada(images: Tensor, draws: Tensor, *, real: bool, chance: float = 1.0) -> Tensor:
    """Places, then colours; a picture that nothing happens to is returned bit for bit.

    Args:
        images: (N,3,S,S) in [-1,1], of any device. draws: (N,ADA_DRAWS) in [0,1), on the CPU.
        real: makes no difference.
        chance: p, of each operation for each picture.
    """
    del real
    numbers, side = draws.double(), images.shape[3]
    places = composed(PLACES, numbers[:, : _columns(PLACES)], chance, side)
    colours = composed(COLOURS, numbers[:, _columns(PLACES) :], chance, side, first_innermost=True)
    return _where_changed(_where_changed(images, places, warped), colours, coloured)


def next_chance(chance: float, sign: float, target: float, share: float) -> float:
    """p after a change: up by `share` where the mean sign of D(real) is above its target, down where below."""
    return min(1.0, max(0.0, chance + share * ((sign > target) - (sign < target))))


def composed(
    operations: Mapping[str, Operation], draws: Tensor, chance: float, side: int, *, first_innermost: bool = False
) -> Tensor:
    """(N,k,k) product of those operations that happen to each picture; the first is outermost unless said."""
    found, column = list[Tensor](), 0
    for operation in operations.values():
        gate, column = draws[:, column], column + 1
        matrix = operation.matrix(draws[:, column : column + operation.numbers], side)
        column += operation.numbers
        happens = gate < (1 - math.sqrt(1 - chance) if operation.half else chance)
        found.append(torch.where(happens[:, None, None], matrix, torch.eye(matrix.shape[1], dtype=matrix.dtype)))
    return reduce(lambda total, each: each @ total if first_innermost else total @ each, found)


def warped(images: Tensor, inverse: Tensor) -> Tensor:
    """Pictures moved by an affine map about their middle; borders reflect.

    Args:
        images: (N,C,S,S). inverse: (N,3,3) from places (x, y, 1) in the result to those in the picture, px.
    """
    side = images.shape[3]
    middle = torch.arange(side, dtype=inverse.dtype, device=inverse.device) + 0.5 - side / 2
    step = torch.linalg.vector_norm(inverse[:, :2, :2], dim=1)  # (N,2) px of the picture to one of the result
    apart = (step - 1).clamp(min=0) / step  # of the result's px: two bilinear points step - 1 apart reach over `step`
    halves = torch.tensor([-0.5, 0.5], dtype=inverse.dtype, device=inverse.device)
    x, y = ((middle[:, None] + apart[:, axis, None, None] * halves).flatten(1) for axis in (0, 1))
    rows = inverse[:, :2, :, None, None]
    places = rows[:, :, 0] * x[:, None, None, :] + rows[:, :, 1] * y[:, None, :, None] + rows[:, :, 2]
    grid = (places.permute(0, 2, 3, 1) / (side / 2)).to(images)
    return F.avg_pool2d(F.grid_sample(images, grid, padding_mode="reflection", align_corners=False), 2)


def coloured(images: Tensor, matrix: Tensor) -> Tensor:
    """(N,3,H,W) with every (r, g, b, 1) multiplied by its picture's (N,4,4). Summed by hand: TF32 would round."""
    parts = matrix.to(images)[:, :3, :, None, None]
    return (parts[:, :, :3] * images[:, None]).sum(dim=2) + parts[:, :, 3]


def _where_changed(images: Tensor, matrices: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Only what changes costs anything."""
    which = (matrices != torch.eye(matrices.shape[1], dtype=matrices.dtype)).any(dim=(1, 2)).nonzero()[:, 0]
    if not len(which):
        return images
    here = which.to(images.device)
    return images.index_copy(0, here, change(images[here], matrices[which].to(images.device, _exact(images))))


def _exact(images: Tensor) -> torch.dtype:
    """float64 where the device has it."""
    return images.dtype if images.device.type == "mps" else torch.float64


def _columns(operations: Mapping[str, Operation]) -> int:
    return sum(1 + operation.numbers for operation in operations.values())


def _normal(draw: Tensor) -> Tensor:
    found: Tensor = torch.special.ndtri(draw.clamp(RAREST, 1 - RAREST))
    return found


def _choice(draw: Tensor, number: int) -> Tensor:
    """[0,1) -> 0 … number - 1, each as likely."""
    return (draw * number).floor()


def _angle(draw: Tensor) -> Tensor:
    return (2 * draw - 1) * math.pi


def _matrix(like: Tensor, rows: Sequence[Sequence[Tensor | float]]) -> Tensor:
    """(N,k,k) of (N,) tensors and numbers."""
    cells = [[torch.as_tensor(cell, dtype=like.dtype).expand(len(like)) for cell in row] for row in rows]
    return torch.stack([torch.stack(row, dim=1) for row in cells], dim=1)


def _scaled(x: Tensor, y: Tensor) -> Tensor:
    return _matrix(x, [[x, 0, 0], [0, y, 0], [0, 0, 1]])


def _turned(cos: Tensor, sin: Tensor) -> Tensor:
    return _matrix(cos, [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _moved(x: Tensor, y: Tensor) -> Tensor:
    return _matrix(x, [[1, 0, -x], [0, 1, -y], [0, 0, 1]])


def _flip(draws: Tensor, _: int) -> Tensor:
    return _scaled(1 - 2 * _choice(draws[:, 0], 2), torch.ones(len(draws), dtype=draws.dtype))


def _quarters(draws: Tensor, _: int) -> Tensor:
    angle = _choice(draws[:, 0], 4) * (math.pi / 2)
    return _turned(angle.cos().round(), angle.sin().round())


def _whole_shift(draws: Tensor, side: int) -> Tensor:
    largest = round(side * WHOLE)
    x, y = (_choice(draws, 2 * largest + 1) - largest).unbind(1)
    return _moved(x, y)


def _one_scale(draws: Tensor, _: int) -> Tensor:
    factor = (-SCALE * _normal(draws[:, 0])).exp()
    return _scaled(factor, factor)


def _turn(draws: Tensor, _: int) -> Tensor:
    angle = _angle(draws[:, 0])
    return _turned(angle.cos(), angle.sin())


def _two_scales(draws: Tensor, _: int) -> Tensor:
    factor = (-SCALE * _normal(draws[:, 0])).exp()
    return _scaled(factor, 1 / factor)


def _shift(draws: Tensor, side: int) -> Tensor:
    x, y = (_normal(draws) * (FRACTION * side)).unbind(1)
    return _moved(x, y)


def _linear(matrix: Tensor) -> Tensor:
    """(N,3,3) -> (N,4,4)."""
    whole = torch.eye(4, dtype=matrix.dtype).repeat(len(matrix), 1, 1)
    whole[:, :3, :3] = matrix
    return whole


def _brightness(draws: Tensor, _: int) -> Tensor:
    more = _normal(draws[:, 0]) * BRIGHTNESS
    return _matrix(more, [[1, 0, 0, more], [0, 1, 0, more], [0, 0, 1, more], [0, 0, 0, 1]])


def _contrast(draws: Tensor, _: int) -> Tensor:
    factor = (_normal(draws[:, 0]) * CONTRAST).exp()
    return _linear(torch.eye(3, dtype=draws.dtype) * factor[:, None, None])


def _luma_flip(draws: Tensor, _: int) -> Tensor:
    return _linear(torch.eye(3, dtype=draws.dtype) - _grey() * (2 * _choice(draws[:, 0], 2))[:, None, None])


def _hue(draws: Tensor, _: int) -> Tensor:
    """Rodrigues' formula about the axis of grey."""
    angle, even = _angle(draws[:, 0])[:, None, None], torch.eye(3, dtype=draws.dtype)
    across = LUMA[0] * torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=draws.dtype)
    return _linear(_grey() * (1 - angle.cos()) + even * angle.cos() + across * angle.sin())


def _saturation(draws: Tensor, _: int) -> Tensor:
    factor = (_normal(draws[:, 0]) * SATURATION).exp()[:, None, None]
    return _linear(_grey() + (torch.eye(3, dtype=draws.dtype) - _grey()) * factor)


def _grey() -> Tensor:
    return torch.outer(LUMA, LUMA)


PLACES = {
    "flip": Operation(1, _flip),
    "quarters": Operation(1, _quarters),
    "whole_shift": Operation(2, _whole_shift),
    "one_scale": Operation(1, _one_scale),
    "turn_before": Operation(1, _turn, half=True),
    "two_scales": Operation(1, _two_scales),
    "turn_after": Operation(1, _turn, half=True),
    "shift": Operation(2, _shift),
}
"""In the order in which they happen to a picture."""
COLOURS = {
    "brightness": Operation(1, _brightness),
    "contrast": Operation(1, _contrast),
    "luma_flip": Operation(1, _luma_flip),
    "hue": Operation(1, _hue),
    "saturation": Operation(1, _saturation),
}
ADA_DRAWS = _columns(PLACES) + _columns(COLOURS)
