"""Clusters as shapes: pixels, fitted ellipse or convex hull; resampled to the image, and run-length encoded."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco

from higan_cam.types import BoolArray, ByteArray, Ellipse, IntArray, MaskStyle

AXIS_SIGMAS = 6.0
"""Full axis length in standard deviations: three to each side, as published with HiGAN_CAM."""
MIN_AXIS = 1.0
"""Shortest axis, pixels. A single pixel or a straight line has no spread across, but it has a pixel's width."""


def fit_ellipse(pixels: IntArray) -> tuple[tuple[float, float], Ellipse]:
    """Centre (y,x) and ellipse of (P,2) pixel coordinates (y,x), P >= 1.

    Axes are 6 sqrt(eigenvalue) of the coordinates' covariance (ddof 1) and at least 1 px; the angle is the major
    axis' own, from its eigenvector in closed form (0 where both axes are equal).
    """
    centre = pixels.mean(axis=0)
    away = pixels - centre
    (yy, xy), (_, xx) = away.T @ away / max(len(pixels) - 1, 1)
    middle, half_gap = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    angle = math.degrees(math.atan2(2 * xy, xx - yy) / 2) % 180.0
    major, minor = (
        max(AXIS_SIGMAS * math.sqrt(max(value, 0.0)), MIN_AXIS) for value in (middle + half_gap, middle - half_gap)
    )
    # A tiny negative angle rounds up to 180 under %, which is 0 again.
    return (float(centre[0]), float(centre[1])), Ellipse(major, minor, angle if angle < 180.0 else 0.0)


def ellipse_mask(shape: tuple[int, int], centre: tuple[float, float], ellipse: Ellipse) -> BoolArray:
    """(H,W) pixels whose centre lies in the ellipse, clipped at the border."""
    (y, x), reach, turn = centre, ellipse.major / 2, math.radians(ellipse.angle)
    window = tuple(slice(max(math.floor(at - reach), 0), max(math.ceil(at + reach) + 1, 0)) for at in centre)
    dy = np.arange(shape[0])[window[0], None] - y
    dx = np.arange(shape[1])[None, window[1]] - x
    along = (dx * math.cos(turn) + dy * math.sin(turn)) / reach
    across = (dy * math.cos(turn) - dx * math.sin(turn)) / (ellipse.minor / 2)
    mask = np.zeros(shape, np.bool_)
    mask[window] = along**2 + across**2 <= 1.0
    return mask


def hull_mask(shape: tuple[int, int], pixels: IntArray) -> BoolArray:
    """(H,W) convex hull of (P,2) pixels (y,x), its outline included."""
    hull = cv2.convexHull(np.ascontiguousarray(pixels[:, ::-1], np.int32))
    filled = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(filled, hull, 1)
    return filled.view(np.bool_)


def pixel_mask(shape: tuple[int, int], pixels: IntArray) -> BoolArray:
    """(H,W) exactly the (P,2) pixels (y,x)."""
    mask = np.zeros(shape, np.bool_)
    mask[pixels[:, 0], pixels[:, 1]] = True
    return mask


STYLES: Mapping[MaskStyle, Callable[[tuple[int, int], IntArray], BoolArray]] = {
    "cluster": pixel_mask,
    "ellipse": lambda shape, pixels: ellipse_mask(shape, *fit_ellipse(pixels)),
    "hull": hull_mask,
}
"""Mask style -> (map shape, cluster pixels) -> mask on the map's grid."""


def resize_mask(mask: BoolArray, size: int) -> BoolArray:
    """(S,S) mask -> (size,size): a pixel is in when at least half of its area is. May come out empty when shrinking."""
    if mask.shape == (size, size):
        return mask
    share: BoolArray = cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA) >= 0.5
    return share


def encode_rle(mask: BoolArray) -> dict[str, Any]:
    """(H,W) mask -> COCO's compressed run-length encoding with `counts` as str, so that it goes into JSON as it is."""
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def decode_rle(rle: Mapping[str, Any]) -> ByteArray:
    """The inverse of `encode_rle`: (H,W) uint8, 0 or 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools' own __array__ predates NumPy 2
        decoded: ByteArray = coco.decode({"size": list(rle["size"]), "counts": rle["counts"].encode("ascii")})
    return decoded
