"""What was found in the generator's square -> the same in the photo: maps, masks, places."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from higan_cam.pictures.fitting import Affine
from higan_cam.types import BoolArray, FloatArray

Values = TypeVar("Values", bound=npt.NDArray[Any])


def to_picture(values: Values, affine: Affine) -> Values:
    """A map over the square, of any resolution -> the same over the photo, at the photo's own size.

    Where a pixel of the map is larger than the photo's, values are bilinear between the centres; where it is smaller,
    they are averaged over the area, so that nothing aliases. The photo outside of the square is 0.

    Args:
        values: (h,w) or (h,w,C) over the whole square. Floating: values, float32 out. Boolean, or (h,w) uint8 of 0 and
            not 0: a mask, true (255) out where at least half is. (h,w,C) uint8: a picture, rounded.
        affine: how the square was made.

    Returns:
        (H,W) or (H,W,C) of the kind that came in.

    Raises:
        ValueError: another type or shape.
    """
    kind = np.asarray(values).dtype
    if values.ndim not in (2, 3) or not values.size or not (kind in (np.bool_, np.uint8) or kind.kind == "f"):
        raise ValueError(f"expected (h,w) or (h,w,C), floating, boolean or uint8, got {values.shape} {kind}")
    mask = kind == np.bool_ or (kind == np.uint8 and values.ndim == 2)
    whole = (values > 0 if mask else values).astype(np.float32)
    height, width = affine.size
    carried = _along(_along(whole, 0, height, affine.dy, affine), 1, width, affine.dx, affine)
    if mask:
        under = carried >= 0.5
        return under if kind == np.bool_ else under.astype(np.uint8) * np.uint8(255)  # type: ignore[return-value]
    return np.rint(carried).astype(np.uint8) if kind == np.uint8 else carried  # type: ignore[return-value]


def shares(points: npt.ArrayLike, affine: Affine) -> FloatArray:
    """(…,2) places (y, x) in the square, pixel centres -> (…,2) (y, x) as shares of the photo's height and width.

    0 is the photo's upper or left edge, 1 the lower or right one; places beyond an edge, which only padding has, come
    to lie on it.
    """
    placed = affine.to_photo(np.asarray(points, np.float64))
    result: FloatArray = np.clip((placed + 0.5) / np.array(affine.size, np.float64), 0.0, 1.0)
    return result


def box_shares(boxes: npt.ArrayLike, affine: Affine) -> FloatArray:
    """(…,4) boxes (x, y, width, height) in the square's pixels, as regions have them -> the same as shares of the
    photo's width and height; what lies beyond an edge is cut off."""
    corner = np.asarray(boxes, np.float64)
    upper_left, lower_right = corner[..., [1, 0]] - 0.5, corner[..., [1, 0]] + corner[..., [3, 2]] - 0.5
    first, last = shares(upper_left, affine), shares(lower_right, affine)
    return np.concatenate([first[..., ::-1], (last - first)[..., ::-1]], axis=-1)


def _along(values: FloatArray, axis: int, count: int, first: float, affine: Affine) -> FloatArray:
    """Resample one axis of a map over the square at the photo's `count` pixels.

    Args:
        values: float32.
        axis: which.
        count: the photo's pixels along it.
        first: the photo's place of the square's first centre.
        affine: scale and side.
    """
    size = values.shape[axis]
    step = size / (affine.side * affine.scale)  # pixels of the map that one of the photo is wide
    edge = -(first + 0.5 - affine.scale / 2) * step  # the photo's outer edge, in the map, whose own is 0
    start = edge + step * np.arange(count)
    inside = (start + step / 2 > 0) & (start + step / 2 < size)
    sampled = _averaged(values, axis, start, step) if step > 1 else _between(values, axis, start + step / 2 - 0.5)
    return sampled * _shaped(inside, axis, values.ndim)


def _between(values: FloatArray, axis: int, places: FloatArray) -> FloatArray:
    """Linear between the centres; beyond the first and the last, theirs."""
    last = values.shape[axis] - 1
    clipped = np.clip(places, 0, last)
    lower = np.minimum(clipped.astype(np.int64), max(last - 1, 0))
    share = _shaped(clipped - lower, axis, values.ndim)
    low, high = (np.take(values, index, axis=axis) for index in (lower, np.minimum(lower + 1, last)))
    low += (high - low) * share
    return low


def _averaged(values: FloatArray, axis: int, start: FloatArray, step: float) -> FloatArray:
    """The mean over [start, start + step), from one running sum: what is cut at an end counts by its share."""
    size = values.shape[axis]
    sums = np.insert(np.cumsum(values, axis=axis, dtype=np.float64), 0, 0.0, axis=axis)
    low, high = np.clip(start, 0, size), np.clip(start + step, 0, size)
    between = _between(sums, axis, high) - _between(sums, axis, low)
    extent = np.maximum(high - low, np.finfo(np.float32).eps)
    return (between / _shaped(extent, axis, values.ndim)).astype(np.float32)


def _shaped(line: FloatArray | BoolArray, axis: int, dimensions: int) -> FloatArray:
    shape = [1] * dimensions
    shape[axis] = len(line)
    return line.reshape(shape).astype(np.float32)
