"""Boxes around faces: MTCNN's arithmetic (Zhang et al. 2016, arXiv:1604.02878), with its conventions of one pixel more.

A box is left, top, right, bottom in pixels, right and bottom being the last pixel inside while the cascade runs.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

CELL, STRIDE = 12, 2
"""Side that the first network looks at, and how far apart it looks, px."""
FACTOR = 0.709
"""From one scale of the pyramid to the next: about half the area."""


def scales(height: int, width: int, smallest: float) -> list[float]:
    """By how much a picture is shrunk so that the smallest face, then ever larger ones, fill a cell of 12 px."""
    scale, found = CELL / smallest, list[float]()
    side = min(height, width) * scale
    while side >= CELL:
        found.append(scale)
        scale, side = scale * FACTOR, side * FACTOR
    return found


def proposals(likely: Tensor, moves: Tensor, scale: float, least: float) -> tuple[Tensor, Tensor, Tensor]:
    """Cells that look like a face, in pixels of the picture.

    Args:
        likely: (h,w) probability of a face, of every cell of the picture shrunk by `scale`.
        moves: (4,h,w) how the sides should move, in sides of the cell.
        least: probability from which a cell counts.

    Returns:
        boxes (K,4), probabilities (K,), moves (K,4), row by row.
    """
    rows, columns = torch.nonzero(likely >= least, as_tuple=True)
    corner = torch.stack([columns, rows], dim=1).float() * STRIDE
    boxes = torch.cat([((corner + 1) / scale).floor(), ((corner + CELL) / scale).floor()], dim=1)
    return boxes, likely[rows, columns], moves[:, rows, columns].T


def regressed(boxes: Tensor, moves: Tensor, extra: float = 1.0) -> Tensor:
    """(K,4) boxes, each side moved by that many widths or heights, which count `extra` pixels more than they say."""
    return boxes + moves * _extents(boxes, extra).repeat(1, 2)


def squared(boxes: Tensor) -> Tensor:
    """(K,4) boxes made square about their middles, by the longer side."""
    extents = _extents(boxes, 0)
    side = extents.amax(dim=1, keepdim=True)
    corner = boxes[:, :2] + extents * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], dim=1)


def padded(boxes: Tensor, height: int, width: int) -> Tensor:
    """(K,4) boxes as first and last row and column inside the picture, counted from 1: top, bottom, left, right."""
    left, top, right, bottom = boxes.trunc().int().unbind(1)
    return torch.stack([top.clamp(min=1), bottom.clamp(max=height), left.clamp(min=1), right.clamp(max=width)], dim=1)


def kept(boxes: Tensor, scores: Tensor, most: float, over: Literal["union", "smaller"], extra: float = 1.0) -> Tensor:
    """Non-maximum suppression -> (M,) indices, the best score first; of equal scores the later box is first.

    Args:
        most: boxes that share more than this with a better one go.
        over: what the shared area is divided by: that of both together, or that of the smaller box.
        extra: pixels that widths and heights count more than the sides say; the cascade takes 0 between its networks.
    """
    areas = _extents(boxes, extra).prod(dim=1)
    left = torch.argsort(scores, stable=True)
    found = []
    while len(left):
        best, left = left[-1], left[:-1]
        found.append(best)
        corners = [torch.maximum(boxes[best, :2], boxes[left, :2]), torch.minimum(boxes[best, 2:], boxes[left, 2:])]
        shared = _extents(torch.cat(corners, dim=1), extra).clamp(min=0).prod(dim=1)
        smaller = torch.minimum(areas[best], areas[left])
        whole = smaller if over == "smaller" else areas[best] + areas[left] - shared
        left = left[shared / whole <= most]
    return torch.stack(found) if found else torch.zeros(0, dtype=torch.long)


def grown(box: Tensor, height: int, width: int, margin: float = 0.25) -> Tensor:
    """(4,) box grown by that share of its width and height on each side, and cut at the edges of the picture."""
    left, top, right, bottom = box.tolist()
    across, down = margin * (right - left), margin * (bottom - top)
    return box.new_tensor(
        [max(0.0, left - across), max(0.0, top - down), min(width, right + across), min(height, bottom + down)]
    )


def _extents(boxes: Tensor, extra: float) -> Tensor:
    """(K,4) -> (K,2) widths and heights, with so many pixels more."""
    return boxes[:, 2:] - boxes[:, :2] + extra
