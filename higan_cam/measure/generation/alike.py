"""How alike pictures are: root mean square distances at a quarter of the side without brightness, by matrix products.

A quarter of the side, because a copy may be noisy or soft, and a sample that lacks detail is not for that a copy;
without brightness, because the same picture a little lighter is the same. On renders planted repeats with noise are all
found so (higan_cam/train/README.md).
"""

from __future__ import annotations

import cv2
import numpy as np

from higan_cam.errors import DataError
from higan_cam.types import BoolArray, ByteArray, FloatArray, IntArray

LEAST_SIDE, LARGEST_SIDE = 4, 16
"""At which pictures are compared, px."""
SAME = 1 / 255
"""Distance below which two pictures are one."""
AT_ONCE = 1024
"""Rows of a block of distances."""


def coarse(images: ByteArray) -> FloatArray:
    """(N,S,S,3) uint8 -> (N,D) float32 of range 1: a quarter of the side, less each picture's mean.

    Raises:
        DataError: not such pictures.
    """
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3 or images.dtype != np.uint8:
        raise DataError(f"pictures: (N,S,S,3) of uint8 are needed, got {images.shape} of {images.dtype}")
    side = min(max(LEAST_SIDE, images.shape[1] // 4), LARGEST_SIDE)
    rows = np.empty((len(images), side * side * 3), np.float32)
    for row, image in zip(rows, images, strict=True):
        small = cv2.resize(image.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) / 255
        row[:] = (small - small.mean()).reshape(-1)
    return rows


def mirrored(images: ByteArray) -> ByteArray:
    """(N,S,S,3) left to right."""
    flipped: ByteArray = np.ascontiguousarray(images[:, :, ::-1])
    return flipped


def nearest(rows: FloatArray, others: FloatArray) -> tuple[FloatArray, IntArray]:
    """Of every row (N,D) the root mean square distance (N,) to the nearest of `others` (M,D), M >= 1, and which."""
    distances, which = np.empty(len(rows), np.float32), np.empty(len(rows), np.int64)
    for first in range(0, len(rows), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        best = np.full(len(rows[part]), np.inf, np.float32)
        for begin in range(0, len(others), 4 * AT_ONCE):
            squares = _squares(rows[part], others[begin : begin + 4 * AT_ONCE])
            place = squares.argmin(axis=1)
            value = squares[np.arange(len(place)), place]
            closer = value < best
            best[closer], which[part][closer] = value[closer], place[closer] + begin
        distances[part] = np.sqrt(best)
    return distances, which


def pairs_below(rows: FloatArray, bound: float) -> tuple[FloatArray, IntArray]:
    """All pairs of rows (N,D) nearer than `bound`: (P,) distances, the closest first, and (P,2) indices, i < j."""
    distances, places = [np.zeros(0, np.float32)], [np.zeros((0, 2), np.int64)]
    for first in range(0, len(rows), AT_ONCE):
        squares = _squares(rows[first : first + AT_ONCE], rows[first:])
        i, j = np.nonzero(squares < bound**2)
        ahead = j > i
        i, j = i[ahead], j[ahead]
        distances.append(np.sqrt(squares[i, j]))
        places.append(np.stack([i, j], axis=1) + first)
    found, indices = np.concatenate(distances), np.concatenate(places)
    order = np.argsort(found, kind="stable")
    return found[order], indices[order]


def has_earlier(rows: FloatArray, bound: float) -> BoolArray:
    """(N,) whether a row before it is nearer than `bound`; pairs are not listed, of which there may be millions."""
    found = np.zeros(len(rows), bool)
    for first in range(0, len(rows), AT_ONCE):
        squares = _squares(rows[first : first + AT_ONCE], rows[first:])
        found[first:] |= np.triu(squares < bound**2, 1).any(axis=0)
    return found


def closest_pair(rows: FloatArray) -> float:
    """Root mean square distance of the two rows of (N,D), N >= 2, that are nearest to each other."""
    least = np.inf
    for first in range(0, len(rows), AT_ONCE):
        squares = _squares(rows[first : first + AT_ONCE], rows[first:])
        i = np.arange(len(squares))
        squares[i, i] = np.inf
        least = min(least, float(squares.min()))
    return float(np.sqrt(least))


def typical(rows: FloatArray) -> float:
    """Root mean square distance (N,D) that nine in ten pairs stay below, over up to 1,000 rows."""
    part = rows[:AT_ONCE]
    apart = _squares(part[::2], part[1::2])
    return float(np.sqrt(np.quantile(apart, 0.9)))


def _squares(rows: FloatArray, others: FloatArray) -> FloatArray:
    """(N,M) mean squared differences; float32, so that 0 comes out below 1e-6."""
    middle = others.mean(axis=0)
    left, right = rows - middle, others - middle
    products = left @ right.T
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * products
    means: FloatArray = squares.clip(min=0) / rows.shape[1]
    return means
