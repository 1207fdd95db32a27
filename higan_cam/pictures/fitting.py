"""A picture of any shape -> the generator's square, with the map that leads every place back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from higan_cam.types import BoolArray, ByteArray, FloatArray

Fit = Literal["crop", "pad"]
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True)
class Affine:
    """Where the pixels of a square picture lie in the photo: x' = scale x + dx, y' = scale y + dy.

    Coordinates count pixels and name their centres: the centre of the first pixel is 0, its outer edge -0.5.

    Attributes:
        scale: pixels of the photo that one pixel of the square is wide; below 1 the photo was enlarged.
        dx: the photo's x at the centre of the square's first column.
        dy: the photo's y at the centre of the square's first row.
        size: (height, width) of the photo.
        side: of the square, pixels.
    """

    scale: float
    dx: float
    dy: float
    size: tuple[int, int]
    side: int

    def to_photo(self, points: FloatArray) -> FloatArray:
        """(…,2) places (y, x) in the square -> the same places in the photo."""
        return np.asarray(points, np.float64) * self.scale + (self.dy, self.dx)

    def to_square(self, points: FloatArray) -> FloatArray:
        """(…,2) places (y, x) in the photo -> the same places in the square, also where they lie outside of it."""
        return (np.asarray(points, np.float64) - (self.dy, self.dx)) / self.scale

    def covered(self) -> BoolArray:
        """(side,side): which pixels of the square reach into the photo; all of them after a crop."""
        reach = self.scale / 2 - 1e-9
        inside = [
            (place + reach > -0.5) & (place - reach < extent - 0.5)
            for extent, start in zip(self.size, (self.dy, self.dx), strict=True)
            for place in [np.arange(self.side) * self.scale + start]
        ]
        covered: BoolArray = inside[0][:, None] & inside[1][None, :]
        return covered


def fit_square(image: ByteArray, side: int, fit: Fit = "crop") -> tuple[ByteArray, Affine]:
    """(H,W,3) uint8 -> (side,side,3) uint8, and where its pixels lie in the photo.

    `crop` takes the largest square in the middle. `pad` shows the whole photo, in the middle to a pixel of the square,
    and repeats its outermost pixels beyond it: a border of one colour would be an edge that a scorer reads. Shrinking
    averages over the area, so that nothing aliases; enlarging is bilinear. Neither changes the aspect.

    Raises:
        ValueError: another shape or type, or a side below 1.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"expected (H,W,3) uint8, got {image.shape} {image.dtype}")
    if side < 1 or fit not in FITS:
        raise ValueError(f"expected a side of 1 or more and a fit of {', '.join(FITS)}, got {side} and {fit!r}")
    return _cropped(image, side) if fit == "crop" else _padded(image, side)


def _cropped(image: ByteArray, side: int) -> tuple[ByteArray, Affine]:
    height, width = image.shape[:2]
    extent = min(height, width)
    top, left = (height - extent) // 2, (width - extent) // 2
    scale = extent / side
    inner = image[top : top + extent, left : left + extent]
    first = _first_centre(scale)
    return _resized(inner, scale, side, side), Affine(scale, first + left, first + top, (height, width), side)


def _padded(image: ByteArray, side: int) -> tuple[ByteArray, Affine]:
    height, width = image.shape[:2]
    extent = max(height, width)
    scale = extent / side
    # Rows and columns of the square that the photo reaches into, rounded up.
    rows, columns = (-(-length * side // extent) for length in (height, width))
    top, left = (side - rows) // 2, (side - columns) // 2
    shown = _resized(image, scale, rows, columns)
    square = np.pad(shown, ((top, side - rows - top), (left, side - columns - left), (0, 0)), mode="edge")
    first = _first_centre(scale)
    return square, Affine(scale, first - left * scale, first - top * scale, (height, width), side)


def _first_centre(scale: float) -> float:
    """The centre of a pixel `scale` wide whose outer edge is at -0.5."""
    return (scale - 1) / 2


def _resized(image: ByteArray, scale: float, rows: int, columns: int) -> ByteArray:
    """Pixels `scale` wide from the first corner on; those that reach beyond the image see its last pixels repeated."""
    height, width = image.shape[:2]
    lacking = [max(0, int(np.ceil(count * scale)) - length) for count, length in ((rows, height), (columns, width))]
    if any(lacking):
        image = cv2.copyMakeBorder(image, 0, lacking[0], 0, lacking[1], cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    # Given by its factor, not by its size, OpenCV stretches nothing to whole pixels.
    kind = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, None, fx=1 / scale, fy=1 / scale, interpolation=kind)
    return np.ascontiguousarray(resized[:rows, :columns], dtype=np.uint8)
