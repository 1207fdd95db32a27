"""Where is the lamp's light in a pair of pictures, off and on? A mask from the pair, or a reason why there is none.

`light` looks at linear light, `ssim` at structure (SSIM, Wang et al. 2004), as a published recipe does and without that
recipe's faults: negative SSIM that wraps when it is cast, a change in a corner that floods the picture, empty masks
without a word, pairs of two sizes. `ssim_published` is the recipe itself, byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import uniform_filter

from higan_cam.losses.light import REC_709
from higan_cam.relight.light import light_layer
from higan_cam.types import BoolArray, ByteArray, FloatArray

WINDOW = 7
"""Side of SSIM's uniform window, pixels."""
BRIGHT = 200
"""Grey level above which a changed pixel of the published recipe counts as lamp."""
LIT = 0.1
"""Share of the strongest light from which a pixel is lit, as the truth of the rooms has it."""
NOISE = 5.0
"""A change counts from so many standard deviations of the pair's own noise on."""
LEAST = 2.0
"""Levels that a change has at least: rounding alone makes differences of one."""
_BLUR, _BLUR_SIGMA = 51, 8.0
UNCHANGED = "the pictures differ by no more than their own noise"
NOT_BRIGHTER = "nothing is brighter in the second picture"
ELSEWHERE = "what changes does not touch the place"


@dataclass(frozen=True, eq=False)
class PairMask:
    """(H,W) uint8 of the second picture's size, 0 or 255; with a reason, empty."""

    mask: ByteArray
    reason: str = ""


@dataclass(frozen=True, eq=False)
class PublishedSteps:
    """What the published recipe computes on its way.

    Attributes:
        ssim: (H,W) float64. difference: (H,W) uint8, cast as published. threshold: Otsu's.
        changed, filled, bright: (H,W) bool. mask: (H,W) uint8, soft.
    """

    ssim: FloatArray
    difference: ByteArray
    threshold: float
    changed: BoolArray
    filled: BoolArray
    bright: BoolArray
    mask: ByteArray


def light_mask(before: ByteArray, after: ByteArray, place: BoolArray | None = None) -> PairMask:
    """Pixels that gain at least `LIT` of the strongest light, in linear luminance, beyond the pair's noise."""
    before = resized(before, after)
    gain = light_layer(before, after) @ np.array(REC_709, np.float32)
    if not gain.any():
        return PairMask(np.zeros(gain.shape, np.uint8), NOT_BRIGHTER)
    smooth = cv2.GaussianBlur(gain, (0, 0), 1.0)
    return _kept((smooth >= LIT * smooth.max()) & _beyond_noise(before, after), place)


def ssim_mask(before: ByteArray, after: ByteArray, place: BoolArray | None = None) -> PairMask:
    """Pixels whose structure changed (Otsu's threshold on (1 - SSIM) / 2) and that got brighter, holes filled."""
    before = resized(before, after)
    beyond = _beyond_noise(before, after)
    if not beyond.any():
        return PairMask(np.zeros(beyond.shape, np.uint8), UNCHANGED)
    apart = np.rint(255 * np.clip((1 - ssim_map(_grey(before), _grey(after))) / 2, 0, 1)).astype(np.uint8)
    threshold, _ = cv2.threshold(apart, 0, 255, cv2.THRESH_OTSU)
    filled = fill_holes((apart > threshold) & beyond)
    brighter = filled & (_grey(after).astype(np.int16) > _grey(before))
    if not brighter.any():
        return PairMask(_bytes(brighter), NOT_BRIGHTER)
    return _kept(brighter, place)


PAIR_MASKS: dict[str, Callable[[ByteArray, ByteArray, BoolArray | None], PairMask]] = {
    "light": light_mask,
    "ssim": ssim_mask,
}
"""(before, after, place or None) -> mask. RGB pictures; a first one of another size is brought to the second's. With a
place, (H,W) bool, only what is connected with it is kept."""


def ssim_published(before: ByteArray, after: ByteArray) -> PublishedSteps:
    """The published recipe on RGB pictures of one size: SSIM, cast to bytes, Otsu, flood fill, bright, blurred.

    Its mask is soft and may be empty or the whole picture without saying so.
    """
    grey, lit = _grey(before), _grey(after)
    ssim = ssim_map(grey, lit)
    # A negative float is cast to a byte as on x86-64: modulo 256.
    difference = (np.trunc(255 * ssim).astype(np.int64) & 255).astype(np.uint8)
    threshold, _ = cv2.threshold(difference, 0, 255, cv2.THRESH_OTSU)
    changed = difference <= threshold
    filled = changed | ~_flooded(changed.astype(np.uint8))
    bright = lit > BRIGHT
    soft: ByteArray = cv2.GaussianBlur(_bytes(filled & bright), (_BLUR, _BLUR), _BLUR_SIGMA).astype(np.uint8)
    return PublishedSteps(ssim, difference, float(threshold), changed, filled, bright, soft)


def ssim_map(first: ByteArray, second: ByteArray) -> FloatArray:
    """(H,W) uint8 grey pictures -> (H,W) SSIM in [-1,1]: uniform window, sample covariance, borders repeated."""
    x, y = first.astype(np.float64), second.astype(np.float64)
    count = WINDOW * WINDOW

    def mean(values: FloatArray) -> FloatArray:
        result: FloatArray = uniform_filter(values, WINDOW, mode="reflect")
        return result

    mean_x, mean_y = mean(x), mean(y)
    unbiased = count / (count - 1)
    var_x, var_y = (unbiased * (mean(v * v) - m * m) for v, m in ((x, mean_x), (y, mean_y)))
    covariance = unbiased * (mean(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    result: FloatArray = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return result


def fill_holes(mask: BoolArray) -> BoolArray:
    """(H,W) -> the mask and what it encloses; the picture's border encloses nothing."""
    padded = np.pad(mask, 1).astype(np.uint8)
    inside: BoolArray = mask | ~_flooded(padded)[1:-1, 1:-1]
    return inside


def resized(before: ByteArray, after: ByteArray) -> ByteArray:
    """The first picture in the second's size, averaged over areas where it shrinks."""
    height, width = after.shape[:2]
    if before.shape == after.shape:
        return before
    how = cv2.INTER_AREA if before.shape[0] > height else cv2.INTER_LINEAR
    result: ByteArray = cv2.resize(before, (width, height), interpolation=how).astype(np.uint8)
    return result


def _flooded(mask: ByteArray) -> BoolArray:
    """Pixels reached from the upper left one, 4-connected, through pixels that have its value."""
    canvas = mask.copy()
    cv2.floodFill(canvas, None, (0, 0), 2)
    reached: BoolArray = canvas == 2
    return reached


def pair_noise(change: FloatArray) -> float:
    """(H,W) difference of two pictures of one place -> the deviation of its noise.

    That of second differences along rows, by their median: those of normal noise are sqrt(6) times wider, and what
    light adds changes slowly and has next to none.
    """
    return float(np.median(np.abs(np.diff(change, 2, axis=1)))) / (0.6745 * math.sqrt(6))


def _beyond_noise(before: ByteArray, after: ByteArray) -> BoolArray:
    """(H,W) where grey levels, over 3 x 3 pixels, differ by more than the pair's noise does."""
    change = _grey(after).astype(np.float64) - _grey(before)
    smooth = cv2.blur(change, (3, 3))
    beyond: BoolArray = np.abs(smooth) > max(LEAST, NOISE * pair_noise(change) / 3)
    return beyond


def _kept(mask: BoolArray, place: BoolArray | None) -> PairMask:
    """The mask, or its parts that touch the place."""
    if not mask.any():
        return PairMask(_bytes(mask), UNCHANGED)
    if place is None:
        return PairMask(_bytes(mask))
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    touched = np.unique(labels[place & mask])
    kept = np.isin(labels, touched) & mask
    return PairMask(_bytes(kept), "" if kept.any() else ELSEWHERE)


def _grey(picture: ByteArray) -> ByteArray:
    grey: ByteArray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    return grey


def _bytes(mask: BoolArray) -> ByteArray:
    return mask.astype(np.uint8) * np.uint8(255)
