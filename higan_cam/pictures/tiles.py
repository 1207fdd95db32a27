"""A picture of any size through a network that knows no size: padded to what it divides by, and piece by piece."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 512
"""Side of a tile, px, without what is around it: some 200 MB of features with the usual channels."""


def padded(x: Tensor, multiple: int) -> Tensor:
    """(N,C,H,W) -> its last row and column repeated, so that both sides divide by `multiple`."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def by_tiles(look: Callable[[Tensor], Tensor], x: Tensor, tile: int, reach: int, scale: int = 1) -> Tensor:
    """`look` at overlapping pieces, each with `reach` px around it where the picture goes on, put side by side.

    Args:
        look: (N,C,h,w) -> (N,D,scale h,scale w); what lies further away than `reach` has no say, and sides of its
            pieces divide by whatever divides `reach`, `tile` and the sides of x.
        x: (N,C,H,W). tile, reach: px of x.

    Raises:
        ValueError: a tile of no pixel.
    """
    if tile < 1:
        raise ValueError(f"a tile must have a side of 1 px at least, got {tile}")
    height, width = x.shape[-2:]
    if height <= tile and width <= tile:
        return look(x)
    rows = []
    for top in range(0, height, tile):
        pieces = []
        for left in range(0, width, tile):
            first, start = max(0, top - reach), max(0, left - reach)
            seen = look(x[..., first : top + tile + reach, start : left + tile + reach])
            own = seen[..., scale * (top - first) :, scale * (left - start) :]
            pieces.append(own[..., : scale * min(tile, height - top), : scale * min(tile, width - left)])
        rows.append(torch.cat(pieces, dim=3))
    return torch.cat(rows, dim=2)
