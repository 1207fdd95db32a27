"""Which pixels of a heat map become regions: all that answers to the edit (extent), or what drives it (emitter)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from higan_cam.config import RegionConfig
from higan_cam.types import BoolArray, FloatArray, Target

_NEIGHBOURS = np.ones((3, 3), np.uint8)


def extent_points(heat: FloatArray, config: RegionConfig) -> BoolArray:
    """(H,W) heat -> (H,W): the pixels that reach `threshold` x the map's maximum, as published."""
    points: BoolArray = heat >= np.float32(config.threshold) * np.float32(heat.max())
    return points


def emitter_points(heat: FloatArray, config: RegionConfig) -> BoolArray:
    """(H,W) heat -> (H,W): the tops of the high peaks, without the slopes that lead up to them.

    A pixel p is on a top when heat(p) > `emitter_grow` x heat(q) for the hottest q that is reached from p through
    neighbours (8) without stepping below heat(p); so every peak is measured by its own height, and a shoulder by the
    peak above it. Tops that touch are one; those whose hottest pixel reaches `emitter_peak` x the map's maximum stay.
    These are the domes of Vincent 1993 (IEEE Trans. Image Processing 2(2), sec. II-D: heat minus its reconstruction
    from below), with a height that is a share of the peak instead of a constant.
    """
    grow, high = np.float32(config.emitter_grow), np.float32(config.emitter_peak) * np.float32(heat.max())
    # No top that stays goes below this, nor does any way that decides about one: the rest need not be looked at.
    hot = np.where(heat >= grow * high, heat, 0).astype(np.float32)
    tops = hot > _reconstructed(grow * hot, hot)
    _, labels = cv2.connectedComponents(tops.view(np.uint8), connectivity=8)
    stays = np.zeros(int(labels.max()) + 1, np.bool_)
    stays[labels[hot >= high]] = True
    points: BoolArray = tops & stays[labels]
    return points


def _reconstructed(seed: FloatArray, below: FloatArray) -> FloatArray:
    """Grey reconstruction by dilation: `seed` spreads to neighbours, nowhere above `below`, until nothing changes."""
    while True:
        spread = np.minimum(cv2.dilate(seed, _NEIGHBOURS), below)
        if np.array_equal(spread, seed):
            return spread
        seed = spread


TARGETS: Mapping[Target, Callable[[FloatArray, RegionConfig], BoolArray]] = {
    "extent": extent_points,
    "emitter": emitter_points,
}
"""Target -> which pixels of a heat map count."""
