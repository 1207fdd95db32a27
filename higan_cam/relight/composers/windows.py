"""The part of a picture that a model sees: around a mask, in the model's aspect, at the model's size, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from higan_cam.pictures.paste import feathered
from higan_cam.relight.composers.compose import FEATHER
from higan_cam.types import ByteArray, FloatArray


@dataclass(frozen=True)
class Window:
    """A rectangle in pixels of a picture, which may reach beyond its edges: there the outermost pixels are repeated."""

    top: int
    left: int
    height: int
    width: int

    def seen(self, picture: ByteArray, size: tuple[int, int]) -> ByteArray:
        """(H,W) or (H,W,3) picture -> what lies in the window, at (height, width) `size`."""
        rows, columns = (np.clip(part, 0, most - 1) for part, most in zip(self._parts(), picture.shape, strict=False))
        return resized(picture[rows[:, None], columns[None, :]], size)

    def over(self, inner: ByteArray, picture: ByteArray) -> ByteArray:
        """The picture with `inner` (h,w,3), of any size, in the window; all else its own bytes."""
        filled = resized(inner, (self.height, self.width))
        rows, columns = ((part >= 0) & (part < most) for part, most in zip(self._parts(), picture.shape, strict=False))
        result = picture.copy()
        top, left = max(self.top, 0), max(self.left, 0)
        result[top : top + rows.sum(), left : left + columns.sum()] = filled[rows][:, columns]
        return result

    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(self.top, self.top + self.height), np.arange(self.left, self.left + self.width)


def window_around(mask: ByteArray, size: tuple[int, int], margin: float) -> Window:
    """The window in the aspect of `size` around all of a mask that has a pixel.

    It holds the mask's box with `margin` of it on each side, and at least `size` pixels, so that nothing is enlarged
    without need; but no more than the picture has, as long as the box is in it. It lies in the picture where it can.

    Args:
        mask: (H,W) uint8, 0 or not.
        size: (height, width) of the model's pictures, pixels.
        margin: share of the box's sides.
    """
    sides = [np.flatnonzero((mask > 0).any(axis=axis)) for axis in (1, 0)]
    starts, extents = [side[0] for side in sides], [side[-1] - side[0] + 1 for side in sides]
    need = max(extent / part for extent, part in zip(extents, size, strict=True))
    fits = min(most / part for most, part in zip(mask.shape, size, strict=True))
    scale = max(need, min(max(need * (1 + 2 * margin), 1.0), fits))
    lengths = [math.ceil(scale * part - 1e-9) for part in size]
    corners = [
        _placed(start + extent / 2, length, most)
        for start, extent, length, most in zip(starts, extents, lengths, mask.shape, strict=True)
    ]
    return Window(*corners, *lengths)


def fading_inside(mask: ByteArray) -> FloatArray:
    """(H,W) mask -> (H,W) float32: 0 outside of it, rising over `FEATHER` to 1 inside; in thin parts sooner."""
    outside = ((mask == 0) * 255).astype(np.uint8)
    if not outside.any():
        return np.ones(mask.shape, np.float32)
    deepest = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()
    weight: FloatArray = 1 - feathered(outside, min(FEATHER * min(mask.shape), float(deepest) / 2))
    return weight


def resized(picture: ByteArray, size: tuple[int, int]) -> ByteArray:
    """(h,w) or (h,w,3) at (height, width) `size`: averaged over the area where it shrinks, else cubic."""
    height, width = size
    if picture.shape[:2] == size:
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=kind), dtype=np.uint8)


def _placed(centre: float, length: int, most: int) -> int:
    """Where a window of that length around a centre begins; within the picture where it fits, else centred on it."""
    if length > most:
        return (most - length) // 2
    return min(max(round(centre - length / 2), 0), most - length)
