"""An edit back into the photo: the change between two pictures of the square, added to the photo where a mask is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from higan_cam.pictures.carrying import to_picture
from higan_cam.pictures.fitting import Affine
from higan_cam.types import ByteArray, FloatArray

FEATHER = 0.02
"""Width of the band around the mask over which it fades out, as a share of the square's side."""


def paste_change(picture: ByteArray, mask: ByteArray, before: ByteArray, after: ByteArray, affine: Affine) -> ByteArray:
    """picture + feathered mask x (after - before), in linear light (sRGB's curve, IEC 61966-2-1), clamped once.

    Where the feathered mask is 0 every byte is the picture's own; it is 1 inside the mask and falls to 0 over
    `FEATHER` of the square's side around it.

    Args:
        picture: (H,W,3) uint8 RGB.
        mask: (H,W) uint8, 0 or not.
        before, after: (S,S,3) uint8, both ends of the change, in the square.
        affine: where the square lies in the picture.
    """
    weight = feathered(mask, FEATHER * affine.side * affine.scale)
    inside = weight > 0
    if not inside.any():
        return picture.copy()
    change = to_picture((linear(after) - linear(before)).astype(np.float32), affine)[inside]
    result = picture.copy()
    result[inside] = displayed(linear(picture[inside]) + weight[inside, None] * change)
    return result


def feathered(mask: ByteArray, reach: float) -> FloatArray:
    """(H,W) mask -> (H,W) float32: 1 inside, falling smoothly to 0 at `reach` pixels from it."""
    inside = mask > 0
    if not inside.any():
        return np.zeros(mask.shape, np.float32)
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    share = np.clip(1 - away / max(reach, 1.0), 0, 1)
    smooth: FloatArray = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth


def linear(picture: ByteArray) -> npt.NDArray[np.float64]:
    """uint8 display values -> linear light in [0,1]."""
    return _TO_LINEAR[picture]


def displayed(light: npt.NDArray[Any]) -> ByteArray:
    """Linear light, clamped to [0,1] -> uint8 display values, rounded; the inverse of `linear` for all 256 of them."""
    clamped = np.clip(light, 0, 1)
    curve = np.where(clamped <= 0.0031308, 12.92 * clamped, 1.055 * np.power(clamped, 1 / 2.4) - 0.055)
    shown: ByteArray = np.rint(curve * 255).astype(np.uint8)
    return shown


def srgb_light(display: FloatArray) -> FloatArray:
    """Display values in [0,1] -> linear light in [0,1] (IEC 61966-2-1)."""
    light: FloatArray = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
    return light


_TO_LINEAR = np.asarray(srgb_light(np.arange(256) / 255), np.float64)
