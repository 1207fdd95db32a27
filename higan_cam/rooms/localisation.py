"""How well heat maps and masks find what is known to be there, one value per picture.

Shapes: N pictures, H x W pixels, K lamps. Heat is >= 0 and only its order, its peak and shares of its peak count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from higan_cam.types import BoolArray, FloatArray

Float64Array = npt.NDArray[np.float64]

THRESHOLDS: Float64Array = np.arange(1, 100) / 100
"""Shares of a heat map's peak at which `iou_by_threshold` cuts it."""
COVERED = 0.5
"""Share of a lamp's visible shade that a mask must cover to have found the lamp."""


def average_precision(heat: FloatArray, truth: BoolArray) -> Float64Array:
    """(N,H,W) heat and truth -> (N,) average precision over pixels, each picture with some truth.

    sum over thresholds of (change of recall) x precision, as PxAP (Choe et al., CVPR 2020, eq. 4) but per picture.
    Pixels of equal heat enter together, so a constant map scores the truth's share of the picture.
    """
    scores, hits = heat.reshape(len(heat), -1), truth.reshape(len(truth), -1)
    order = np.argsort(-scores, axis=1, kind="stable")
    scores, hits = np.take_along_axis(scores, order, 1), np.take_along_axis(hits, order, 1)
    precision = np.cumsum(hits, axis=1) / np.arange(1, scores.shape[1] + 1)
    last = np.take_along_axis(precision, _end_of_ties(scores), 1)
    averages: Float64Array = (last * hits).sum(axis=1) / hits.sum(axis=1)
    return averages


def iou_by_threshold(heat: FloatArray, truth: BoolArray) -> Float64Array:
    """(N,H,W) heat and truth -> (N,T) intersection over union of {heat >= t x peak}, t in `THRESHOLDS`.

    A map that is zero everywhere marks nothing.
    """
    bins = len(THRESHOLDS) + 1
    peak = heat.max(axis=(1, 2), keepdims=True).astype(np.float64)
    share = heat / np.where(peak > 0, peak, 1)
    # A pixel that reaches a threshold but for the rounding of float32 counts.
    cell = np.clip(np.floor(bins * (share + 1e-7)).astype(np.int64), 0, bins - 1)
    cell += bins * np.arange(len(heat))[:, None, None]
    size = bins * len(heat)
    marked = _from_above(np.bincount(cell.ravel(), minlength=size).reshape(-1, bins))
    both = _from_above(np.bincount(cell[truth], minlength=size).reshape(-1, bins))
    total = truth.sum(axis=(1, 2))[:, None]
    overlaps: Float64Array = both / np.maximum(marked + total - both, 1)
    return overlaps


def iou(mask: BoolArray, truth: BoolArray) -> Float64Array:
    """(N,H,W) masks -> (N,) intersection over union; 0 where both are empty."""
    both, either = (mask & truth).sum(axis=(1, 2)), (mask | truth).sum(axis=(1, 2))
    overlaps: Float64Array = both / np.maximum(either, 1)
    return overlaps


def pointing(heat: FloatArray, truth: BoolArray, tolerance: float) -> Float64Array:
    """(N,) 1 where the hottest pixel lies within `tolerance` pixels of the truth, else 0 (Zhang et al. 2018, sec. 4.2).

    The first pixel in row-major order is the hottest of several. A map that is zero everywhere points nowhere.
    """
    hits = np.zeros(len(heat))
    for n, (one, known) in enumerate(zip(heat, truth, strict=True)):
        y, x = np.unravel_index(int(one.argmax()), one.shape)
        rows, columns = np.nonzero(known)
        near = np.hypot(rows - y, columns - x) <= tolerance
        hits[n] = float(one[y, x] > 0 and near.any())
    return hits


def lamp_recall(mask: BoolArray, shades: BoolArray) -> Float64Array:
    """(N,H,W) masks and (N,K,H,W) shades -> (N,) share of the visible lamps whose shade is covered by half at least.

    1 where no lamp is visible.
    """
    visible = shades.sum(axis=(2, 3))
    covered = (shades & mask[:, None]).sum(axis=(2, 3))
    reached = ((covered >= COVERED * visible) & (visible > 0)).sum(axis=1)
    lamps = (visible > 0).sum(axis=1)
    recall: Float64Array = np.where(lamps > 0, reached / np.maximum(lamps, 1), 1.0)
    return recall


def _end_of_ties(ordered: FloatArray) -> npt.NDArray[np.int64]:
    """(N,P) values in descending order -> (N,P) index of the last of the values equal to this one."""
    width = ordered.shape[1]
    end = np.full(ordered.shape, width - 1)
    end[:, :-1] = np.where(ordered[:, :-1] != ordered[:, 1:], np.arange(width - 1), width - 1)
    return np.minimum.accumulate(end[:, ::-1], axis=1)[:, ::-1]


def _from_above(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(N,B) counts per bin -> (N,B-1) counts in this bin and above, without the lowest bin."""
    return np.cumsum(counts[:, ::-1], axis=1)[:, ::-1][:, 1:]
