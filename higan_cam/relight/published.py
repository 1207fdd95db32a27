"""Lamps brighter and warmer as a published page does it: on display values, inside a mask that is blurred once more.

Kept for comparison, byte for byte. It is not light: highlights clip and change hue, nothing can be dimmed or switched
off, and warmth is a shift of red against blue instead of a temperature; `relight` has none of that.
"""

from __future__ import annotations

import cv2
import numpy as np

from higan_cam.types import ByteArray, FloatArray

_KERNEL, _SIGMA = 11, 5.0
"""Side and sigma of the blur, pixels."""
BRIGHTNESS, WARMTH = (1.0, 2.0), (-50, 50)
"""Ranges of the page's sliders."""


def blurred_mask(mask: ByteArray) -> ByteArray:
    """(H,W) uint8 -> the same after an 11 x 11 Gaussian of sigma 5; its weights beyond the picture do not count."""
    offsets = np.arange(_KERNEL) - _KERNEL // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))

    def summed(values: FloatArray) -> FloatArray:
        return np.asarray(
            cv2.sepFilter2D(values, cv2.CV_64F, weights, weights, borderType=cv2.BORDER_CONSTANT), np.float64
        )

    mean = summed(mask.astype(np.float64)) / summed(np.ones(mask.shape))
    rounded: ByteArray = np.floor(mean + 0.5).astype(np.uint8)
    return rounded


def brighter_and_warmer(picture: ByteArray, mask: ByteArray, brightness: float, warmth: int) -> ByteArray:
    """c <- c (1 + a (brightness - 1)), then R <- R + a warmth and B <- B - a warmth, a = blurred mask / 255.

    Rounded, half to even, and clamped to a byte after each step, as writing to a canvas does.

    Args:
        picture: (H,W,3) uint8 RGB.
        mask: (H,W) uint8.
        brightness: in `BRIGHTNESS`; 1 changes nothing.
        warmth: in `WARMTH`; positive is warmer.

    Raises:
        ValueError: a setting that the page's sliders do not have; a mask of another size.
    """
    if not BRIGHTNESS[0] <= brightness <= BRIGHTNESS[1] or not WARMTH[0] <= warmth <= WARMTH[1]:
        raise ValueError(f"brightness must be 1-2 and warmth -50 to 50, got {brightness:g} and {warmth}")
    if mask.shape != picture.shape[:2]:
        raise ValueError(f"the mask must have the picture's size, {picture.shape[:2]}, got {mask.shape}")
    share = blurred_mask(mask)[..., None] / 255
    brighter = _levels(picture * (1 + share * (brightness - 1)))
    return _levels(brighter + share * np.array([warmth, 0, -warmth]))


def _levels(values: FloatArray) -> ByteArray:
    levels: ByteArray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels
