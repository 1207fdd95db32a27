"""How far the masks of a run on pictures agree with a student's, and what such agreement has been worth on rooms.

The student sees the picture alone, the mask comes through the generator's code: two ways that share no step. What
agreement says of the truth is known where the truth is, on photos of the embedded rooms
(`measure.agreement`; `jobs/evaluate_agreement.py` writes `data/rooms_agreement.json`), and is shown for runs of the
embedded networks alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from higan_cam.config import RunConfig
from higan_cam.errors import WeightsError
from higan_cam.types import FloatArray, Interval
from higan_cam.weights.embedded import EMBEDDED_STUDENTS, embedded_path, knows

EDGES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
"""Of the bins of agreement, intersection over union; the last one holds its upper end."""
MEASURED = "rooms_agreement.json"


@dataclass(frozen=True)
class OverlapBin:
    """Pictures whose agreement is from `low` on and below `high`.

    Attributes:
        pictures: of the run.
        known: photos of rooms with such agreement, and iou: how far their masks overlap the true light, a mean with its
            95% interval; 0 and None where nothing is known.
    """

    low: float
    high: float
    pictures: int
    known: int = 0
    iou: Interval | None = None


def inside(values: FloatArray, low: float, high: float) -> Any:
    """(N,) which values are in the bin; NaN is in none."""
    return (values >= low) & ((values < high) | (high == EDGES[-1]))


def overlap_bins(values: FloatArray, config: RunConfig) -> tuple[OverlapBin, ...]:
    """(N,) agreement of the run's pictures, NaN where there is none -> the bins; none where all are NaN."""
    if not np.isfinite(values).any():
        return ()
    known = {(each["low"], each["high"]): each for each in _known(config)}
    bins = []
    for low, high in pairwise(EDGES):
        count, there = int(inside(values, low, high).sum()), known.get((low, high))
        if there is None:
            bins.append(OverlapBin(low, high, count))
        else:
            bins.append(OverlapBin(low, high, count, there["count"], Interval(**there["iou"])))
    return tuple(bins)


def _known(config: RunConfig) -> list[dict[str, Any]]:
    """The bins of the curve that was measured with the embedded networks; none for others, or before it was."""
    student = EMBEDDED_STUDENTS.get(config.student.weights)
    if student is None or not knows(student, config.generator.weights):
        return []
    try:
        measured = embedded_path(MEASURED)
    except WeightsError:
        return []
    bins: list[dict[str, Any]] = json.loads(measured.read_bytes())["bins"]
    return bins
