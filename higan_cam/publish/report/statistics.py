"""What the report says about a whole run: histograms and summaries instead of raw values.

So a report of a million samples is no larger than one of a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from higan_cam.types import FloatArray, IntArray

_QUANTILES = (0.1, 0.5, 0.9)
UNLABELLED_KEY = "unlabelled"
"""Where a boundary's metrics keep them."""
FLAT = 1e-9
"""Ranges narrower than this, relative to their values, are drawn as one value."""


@dataclass(frozen=True)
class Histogram:
    """Counts per bin.

    Attributes:
        counts: (B,) values in [edges[b], edges[b + 1]); the last bin includes its upper edge.
        edges: (B+1,) strictly increasing.
        below, above: values outside the edges, which the chart states instead of drawing.

    Raises:
        ValueError: if the lengths do not fit.
    """

    counts: IntArray
    edges: FloatArray
    below: int = 0
    above: int = 0

    def __post_init__(self) -> None:
        """Check that there is one more edge than bins."""
        if len(self.edges) != len(self.counts) + 1 or len(self.counts) < 1:
            raise ValueError(f"a histogram of {len(self.counts)} bins needs one edge more, got {len(self.edges)}")

    @classmethod
    def of(cls, values: FloatArray, bins: int = 48, limits: tuple[float, float] | None = None) -> Self:
        """Count finite `values` in `bins` equal bins over `limits` (their own range when None)."""
        finite = np.asarray(values, dtype=np.float64)
        finite = finite[np.isfinite(finite)]
        low, high = limits or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0))
        if high - low <= FLAT * max(1.0, abs(low), abs(high)):
            low, high = low - 0.5, low + 0.5
        counts, edges = np.histogram(finite, bins=bins, range=(low, high))
        return cls(counts, edges, below=int((finite < low).sum()), above=int((finite > high).sum()))


@dataclass(frozen=True)
class Distribution:
    """A histogram with its 10th, 50th and 90th percentile (None where there are no values)."""

    histogram: Histogram
    quantiles: tuple[float, float, float] | None

    @classmethod
    def of(cls, values: FloatArray, bins: int = 40, limits: tuple[float, float] | None = None) -> Self:
        """Summarise the finite `values`; quantiles are of all of them, also those outside `limits`."""
        finite = np.asarray(values, dtype=np.float64)
        finite = finite[np.isfinite(finite)]
        low, middle, high = (float(q) for q in np.quantile(finite, _QUANTILES)) if finite.size else (0.0, 0.0, 0.0)
        return cls(Histogram.of(finite, bins, limits), (low, middle, high) if finite.size else None)


@dataclass(frozen=True)
class ScoreSummary:
    """The labelled latents.

    Attributes:
        histogram: of the finite scores.
        count: latents labelled.
        nan_count: scores that are NaN.
        tail: latents in each tail.
        low_threshold, high_threshold: highest score of the low tail, lowest score of the high tail; None before the
            tails are chosen.
    """

    histogram: Histogram
    count: int
    nan_count: int = 0
    tail: int = 0
    low_threshold: float | None = None
    high_threshold: float | None = None


@dataclass(frozen=True)
class BoundarySummary:
    """How the boundary was fitted and how well.

    Attributes:
        method: svm, mean_difference, ridge, or "ready" for one read from a file.
        spearman: rank correlation of signed distance with score on labelled latents outside the tails, [-1,1].
        tail_accuracy: share of held-out tail latents on their own side, [0,1].
        metrics: everything else to list (C, offset, layers, …): scalars, lists, or nested mappings of them.
    """

    method: str
    spearman: float | None = None
    tail_accuracy: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreResponse:
    """Score against distance along the boundary: (K,) arrays, distances increasing.

    Attributes:
        distances: code units.
        mean, low, high: over `count` latents: mean, 10th and 90th percentile of the score.
        count: latents moved.
    """

    distances: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    count: int


@dataclass(frozen=True)
class RegionStatistics:
    """Regions over all samples of the run.

    Attributes:
        per_sample: samples with 0, 1, 2, … regions.
        area: area of one region as a share of the image, [0,1].
        empty_reasons: samples without a region, by reason.
        mean_mask: (h,w) share of samples whose mask covers the pixel, [0,1].
        mean_heat: (h,w) mean heat, [0,1].
    """

    per_sample: tuple[int, ...]
    area: Distribution
    empty_reasons: Mapping[str, int] = field(default_factory=dict)
    mean_mask: FloatArray | None = None
    mean_heat: FloatArray | None = None

    @property
    def samples(self) -> int:
        """Samples made."""
        return sum(self.per_sample)

    @property
    def with_region(self) -> int:
        """Samples with at least one region."""
        return sum(self.per_sample[1:])


@dataclass(frozen=True)
class QualityStatistics:
    """Mask quality over all samples with a region. Coverage is a share of the image, [0,1]."""

    score_change: Distribution
    retention: Distribution
    necessity: Distribution
    coverage: Distribution


@dataclass(frozen=True)
class Unlabelled:
    """Samples that the scorer has no score for; kept with the boundary that was fitted without them.

    Attributes:
        count, of: samples without a score, of so many.
        reasons: {reason: samples}, of the first of them; empty where the scorer gives none.
    """

    count: int
    of: int
    reasons: Mapping[str, int]

    def sentence(self) -> str:
        """For logs, report and card."""
        asked = sum(self.reasons.values())
        listed = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        first = "" if asked == self.count else f" of the first {asked:,}"
        why = f" ({listed}{first})" if listed else ""
        return f"unlabelled: {self.count:,} of {self.of:,}{why}"

    def to_json(self) -> dict[str, Any]:
        """For the boundary's metrics."""
        return {"count": self.count, "of": self.of, "reasons": dict(self.reasons)}


def unlabelled_of(metrics: Mapping[str, Any]) -> Unlabelled | None:
    """What a boundary's metrics say of them; None where all samples have a score."""
    found = metrics.get(UNLABELLED_KEY)
    return None if found is None else Unlabelled(found["count"], found["of"], found["reasons"])
