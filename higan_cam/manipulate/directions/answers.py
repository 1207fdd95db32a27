"""How a picture answers to a small move both ways: how much, how locally, and which of many answer best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from higan_cam.errors import DataError
from higan_cam.types import FloatArray, IntArray

REGION = 0.05
"""Share of the picture that a direction's own region has: chance is that share of the change, 1 is all of it."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Attributes:
    map: (H,W) mean absolute change of the display values, 0 to 1, over colours and samples, per step.
    strength: its mean over the picture.
    locality: share of the change of half of the samples that falls into the region which the other half chose.
    """

    map: FloatArray
    strength: float
    locality: float


def answer_of(changes: FloatArray) -> Answer:
    """(N,H,W) absolute changes of N >= 2 samples -> the answer.

    Each half chooses the share `REGION` of the picture where its own mean change is largest, and the other half is
    asked how much of its change lies there: what one sample does by chance makes nothing look local.

    DataError: fewer than 2 samples.
    """
    if len(changes) < 2:
        raise DataError(f"directions: {len(changes)} sample cannot say how local a change is; take at least 2")
    halves = [changes[half::2].mean(axis=0, dtype=np.float64) for half in (0, 1)]
    shares = [_share(of, by, REGION) for of, by in (halves, halves[::-1])]
    mean = changes.mean(axis=0, dtype=np.float64)
    return Answer(mean.astype(np.float32), float(mean.mean()), float(np.mean(shares)))


def share_inside(change: FloatArray, box: tuple[float, float, float, float]) -> float:
    """The share of a map (H,W) that lies in a box (left, top, width, height; shares of the picture's sides, 0 to 1).

    A pixel counts where its centre lies in the box. 0 where nothing changes at all.
    """
    left, top, width, height = box
    y, x = ((np.arange(side) + 0.5) / side for side in change.shape)
    inside = ((y >= top) & (y < top + height))[:, None] & ((x >= left) & (x < left + width))
    total = float(change.sum(dtype=np.float64))
    return float(change[inside].sum(dtype=np.float64)) / total if total > 0 else 0.0


def lesser_rank(*figures: FloatArray) -> IntArray:
    """(N,) figures -> the order of N by the lesser of each one's ranks, best first: good in all, or not at all.

    Scale-free, so that no unit has to be traded for another. Equal ones stay in their order.
    """
    ranks = [np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in figures]
    return np.argsort(-np.min(ranks, axis=0), kind="stable")


def _share(of: FloatArray, by: FloatArray, region: float) -> float:
    """The share of one map within the largest pixels of the other; 0 where nothing changes at all."""
    count = max(1, round(region * by.size))
    chosen = np.argsort(-by, axis=None, kind="stable")[:count]
    total = float(of.sum())
    return float(of.reshape(-1)[chosen].sum()) / total if total > 0 else 0.0
