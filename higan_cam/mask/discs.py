"""Filters of a pixel grid over discs: how many points lie in reach, and which of several sets is in reach.

Small discs go to OpenCV, which looks at every offset. Large ones take time that does not grow with the radius: counts
are one Fourier product, and reach is two running sums of the disc's rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from higan_cam.types import BoolArray, ByteArray, FloatArray, IntArray

COUNTED_RADIUS = 5
"""Pixels. OpenCV sums kernels of fewer than about 130 taps directly, larger ones through a float32 transform."""
SMALL_RADIUS = 24
"""Pixels. Up to here it is quicker to look at every offset for the lowest number than at every set."""


@dataclass(frozen=True)
class Disc:
    """The offsets at distance <= eps, compared as scikit-learn's k-d tree does: dy^2 + dx^2 <= eps * eps in float64.

    Attributes:
        radius: largest offset that matters, pixels: at most the side of the picture.
        limit: largest dy^2 + dx^2 inside.
    """

    radius: int
    limit: int

    @classmethod
    def of(cls, eps: float, side: int) -> Disc:
        """For a picture whose longer side is `side` pixels; everything is within twice that."""
        eps = min(eps, 2.0 * side)
        return cls(min(math.floor(eps), side), math.floor(eps * eps))

    def kernel(self) -> ByteArray:
        """(2r+1,2r+1) uint8."""
        squares = np.square(np.arange(-self.radius, self.radius + 1, dtype=np.int64))
        return (squares[:, None] + squares[None, :] <= self.limit).astype(np.uint8)

    def half_widths(self) -> IntArray:
        """(r+1,) how far a row of the disc reaches to each side, by its distance from the middle row."""
        return np.array([math.isqrt(self.limit - row * row) for row in range(self.radius + 1)], np.int64)


def disc_counts(points: BoolArray, disc: Disc) -> FloatArray:
    """(H,W) how many points lie under the disc at each pixel; whole numbers, exact at any radius."""
    if disc.radius <= COUNTED_RADIUS:
        kernel = disc.kernel().astype(np.float32)
        counts = cv2.filter2D(points.astype(np.float32), cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    else:
        # Long enough that what is cyclic never meets itself: a pixel and a disc's radius.
        size = tuple(_smooth_size(side + min(disc.radius, side - 1)) for side in points.shape)
        rows, columns = (np.square(np.minimum(np.arange(side), side - np.arange(side))) for side in size)
        inside = rows[:, None] + columns[None, :] <= disc.limit
        product = np.fft.rfft2(points.astype(np.float64), size) * np.fft.rfft2(inside.astype(np.float64))
        counts = np.fft.irfft2(product, size)[: points.shape[0], : points.shape[1]]
    whole: FloatArray = np.rint(counts)
    return whole


def _smooth_size(least: int) -> int:
    """The smallest 2^a, 3 x 2^a or 5 x 2^a that is not smaller: sizes that Fourier transforms are quick for."""
    return min(factor << max(math.ceil(math.log2(least / factor)), 0) for factor in (1, 3, 5))


def lowest_in_reach(numbers: npt.NDArray[np.int32], disc: Disc) -> npt.NDArray[np.int32]:
    """(H,W) sets of pixels, numbered from 1 (0: in none) -> the smallest number under the disc, 0 where there is none.

    Cost of large discs: each set's bounding box, grown by the radius. Sets further than the radius apart, and sets that
    each fit into the disc's square, are few enough that these boxes together stay in proportion to the picture.
    """
    if disc.radius <= SMALL_RADIUS:
        floats = np.where(numbers > 0, numbers, np.inf).astype(np.float32)  # which hold 2^24 numbers
        lowest = cv2.erode(floats, disc.kernel(), borderType=cv2.BORDER_CONSTANT, borderValue=np.inf)
        return np.where(np.isfinite(lowest), lowest, 0).astype(np.int32)
    found, half_widths = np.zeros(numbers.shape, np.int32), disc.half_widths()
    for number, box in enumerate(_boxes(numbers), start=1):
        window = tuple(slice(max(side.start - disc.radius, 0), side.stop + disc.radius) for side in box)
        reached = in_reach(numbers[window] == number, half_widths)
        found[window][reached & (found[window] == 0)] = number
    return found


def in_reach(members: BoolArray, half_widths: IntArray) -> BoolArray:
    """(H,W) -> (H,W): the pixels that a disc around some member covers. `half_widths` as in `Disc`.

    In each column only the member nearest to a row matters to that row: it covers a run of it. Runs are summed by their
    ends.
    """
    (height, width), radius = members.shape, len(half_widths) - 1
    rows = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(members, rows, -radius - 1), axis=0)
    below = np.minimum.accumulate(np.where(members, rows, height + radius)[::-1], axis=0)[::-1]
    away = np.minimum(rows - above, below - rows)
    covering = np.flatnonzero(away <= radius)
    row, column = np.divmod(covering, width)
    half = half_widths[away.ravel()[covering]]
    begin = np.bincount(row * (width + 1) + np.maximum(column - half, 0), minlength=height * (width + 1))
    end = np.bincount(row * (width + 1) + np.minimum(column + half + 1, width), minlength=height * (width + 1))
    covered: BoolArray = np.cumsum((begin - end).reshape(height, width + 1), axis=1)[:, :width] > 0
    return covered


def _boxes(numbers: npt.NDArray[np.int32]) -> list[tuple[slice, slice]]:
    """The bounding box of each number from 1 on; every one of them occurs."""
    rows, columns = np.nonzero(numbers)
    which, count = numbers[rows, columns], int(numbers.max(initial=0))
    ends = []
    for places in (rows, columns):
        first, last = np.full(count + 1, max(numbers.shape)), np.zeros(count + 1, np.int64)
        np.minimum.at(first, which, places)
        np.maximum.at(last, which, places)
        ends.append([slice(int(low), int(high) + 1) for low, high in zip(first[1:], last[1:], strict=True)])
    return list(zip(*ends, strict=True))
