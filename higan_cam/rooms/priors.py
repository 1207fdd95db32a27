"""Heat maps that have not seen the picture. An attribution that does not beat them has found nothing."""

from __future__ import annotations

import math

import cv2
import numpy as np

from higan_cam.types import BoolArray, FloatArray

CENTRE_SIGMA = 0.25
"""Deviation of the centre Gaussian, picture widths."""
NOISE_SIGMA = 0.06
"""Smoothing of the random maps, picture widths: about the size of a light pool's core."""


def mean_pool(others: BoolArray) -> FloatArray:
    """(M,H,W) truth of other pictures -> (H,W) how often each pixel belongs to it, peak 1: the best constant map."""
    return _unit(others.mean(axis=0))


def centre_gaussian(size: int) -> FloatArray:
    """(size,size) Gaussian at the middle of the picture, peak 1."""
    away = (np.arange(size) + 0.5) / size - 0.5
    squares = away[:, None] ** 2 + away[None, :] ** 2
    return _unit(np.exp(-squares / (2 * CENTRE_SIGMA**2)))


def centre_box(size: int, share: float) -> FloatArray:
    """(size,size) 1 in the middle square that covers `share` of the picture (rounded to whole pixels), 0 elsewhere."""
    side = min(max(round(size * math.sqrt(share)), 1), size)
    start = (size - side) // 2
    box = np.zeros((size, size), np.float32)
    box[start : start + side, start : start + side] = 1
    return box


def smooth_noise(count: int, size: int, seed: int, share: float) -> FloatArray:
    """(count,size,size) blurred white noise, each in [0,1]: a random map for each picture.

    Its values are spread so that `share` of the pixels, in (0,1), exceed one half: cut there, the area is the truth's.
    """
    noise = np.random.Generator(np.random.Philox(seed)).standard_normal((count, size, size)).astype(np.float32)
    blurred = [cv2.GaussianBlur(one, (0, 0), NOISE_SIGMA * size, borderType=cv2.BORDER_REFLECT) for one in noise]
    ranks = [np.argsort(np.argsort(one, axis=None)).reshape(one.shape) for one in blurred]
    power = math.log(0.5) / math.log(1 - share)
    return np.stack([((rank + 1) / rank.size) ** power for rank in ranks]).astype(np.float32)


def _unit(heat: FloatArray) -> FloatArray:
    peak = heat.max()
    scaled: FloatArray = (heat / peak if peak > 0 else np.zeros_like(heat)).astype(np.float32)
    return scaled
