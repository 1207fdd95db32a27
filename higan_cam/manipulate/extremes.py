"""The k highest and k lowest scores of a stream, kept in O(k) memory and mergeable in any order.

Samples are ordered by (score, index), a total order, so that ties break the same way on every worker and after every
restart. `merge` is associative and commutative over disjoint parts, with `select_extremes([], [], k)` as its identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from higan_cam.errors import DataError

Scores = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tail:
    """One end of the ranking, the most extreme sample first: scores (m,) float64 and indices (m,) int64, m <= k."""

    scores: Scores
    indices: Indices

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False)
class Extremes:
    """The two tails of all scores seen so far.

    Attributes:
        k: samples wanted in each tail.
        highest: the k largest by (score, index), descending.
        lowest: the k smallest by (score, index), ascending.
        seen: scores seen, NaN included.
        nans: NaN scores seen; they are in neither tail.
        first_nan: smallest index with a NaN score, or None.
    """

    k: int
    highest: Tail
    lowest: Tail
    seen: int
    nans: int
    first_nan: int | None

    @property
    def minimum(self) -> float:
        """Smallest score that is not NaN; NaN when there is none."""
        return float(self.lowest.scores[0]) if len(self.lowest) else float("nan")

    @property
    def maximum(self) -> float:
        """Largest score that is not NaN; NaN when there is none."""
        return float(self.highest.scores[0]) if len(self.highest) else float("nan")


def select_extremes(
    scores: Sequence[float] | npt.NDArray[Any], indices: Sequence[int] | npt.NDArray[Any], k: int
) -> Extremes:
    """(n,) scores with their (n,) sample indices -> their `Extremes`. Indices must be unique over the whole stream.

    Raises:
        ValueError: if k < 1, or the two are not one-dimensional and of one length.
    """
    values, numbers = np.asarray(scores, dtype=np.float64), np.asarray(indices, dtype=np.int64)
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    if values.ndim != 1 or values.shape != numbers.shape:
        raise ValueError(f"scores and indices must be (n,) and (n,), got {values.shape} and {numbers.shape}")
    bad = np.isnan(values)
    ranked = _ranked(values[~bad], numbers[~bad])
    first_nan = int(numbers[bad].min()) if bad.any() else None
    return Extremes(k, _top(ranked, k), _bottom(ranked, k), len(values), int(bad.sum()), first_nan)


def merge(a: Extremes, b: Extremes) -> Extremes:
    """The extremes of two disjoint parts together.

    Raises:
        ValueError: if the parts were selected with different k.
    """
    if a.k != b.k:
        raise ValueError(f"extremes of k={a.k} and k={b.k} cannot be merged")
    nans = [nan for nan in (a.first_nan, b.first_nan) if nan is not None]
    return Extremes(
        k=a.k,
        highest=_top(_joined(a.highest, b.highest), a.k),
        lowest=_bottom(_joined(a.lowest, b.lowest), a.k),
        seen=a.seen + b.seen,
        nans=a.nans + b.nans,
        first_nan=min(nans, default=None),
    )


def check_extremes(extremes: Extremes, may_lack: str | None = None) -> None:
    """Make sure that the tails are two separate classes a boundary can be fitted between.

    Args:
        may_lack: what made the scores, where a NaN of it says that a sample has no label: such samples are in neither
            tail, and that is that. None where NaN means that something is wrong.

    Raises:
        DataError: for fewer than 2k samples with a score, NaN where none may be, nothing but NaN, infinite or constant
            scores, tails that share a score, or an index that came twice. The text says what was found.
    """
    problem = _bad_scores(extremes, may_lack) or _bad_tails(extremes)
    if problem:
        raise DataError(problem)


def _bad_scores(extremes: Extremes, may_lack: str | None) -> str | None:
    seen, low, high = extremes.seen, extremes.minimum, extremes.maximum
    if may_lack is not None and 0 < seen == extremes.nans:
        return (
            f"scores: {may_lack} has none for any of {seen} samples, so there are no labels; check that its network "
            "knows what the generator draws"
        )
    if extremes.nans and may_lack is None:
        return (
            f"scores: {extremes.nans} of {seen} are NaN (the first is sample {extremes.first_nan}); "
            "check the generator and the scorer: a boundary needs finite scores"
        )
    if np.isinf([low, high]).any():
        return f"scores: infinite values found ({seen} samples in [{low}, {high}]); check the scorer"
    return None


def _bad_tails(extremes: Extremes) -> str | None:
    k, seen, low = extremes.k, extremes.seen - extremes.nans, extremes.minimum
    if seen < 2 * k:
        return f"scores: {seen} labelled samples, but two tails of {k} need {2 * k}; label more or use smaller tails"
    if low == extremes.maximum:
        return f"scores: all {seen} are {low:g}, so there are no extremes; check the scorer and its weights"
    if extremes.lowest.scores[-1] >= extremes.highest.scores[-1]:
        return _overlap(extremes)
    chosen = np.concatenate([extremes.highest.indices, extremes.lowest.indices])
    if len(np.unique(chosen)) != len(chosen):
        return "scores: a sample index came twice among the extremes; each part must be merged once"
    return None


def _overlap(extremes: Extremes) -> str:
    shared, known = extremes.highest.scores[-1], extremes.seen - extremes.nans
    return (
        f"scores: the {extremes.k} lowest and the {extremes.k} highest of {known} both contain the score "
        f"{shared:g} (range {extremes.minimum:g} to {extremes.maximum:g}), so it would be on both sides; "
        "use smaller tails, or a scorer with fewer ties"
    )


def _ranked(scores: Scores, indices: Indices) -> Tail:
    order = np.lexsort((indices, scores))
    return Tail(scores[order], indices[order])


def _joined(a: Tail, b: Tail) -> Tail:
    return _ranked(np.concatenate([a.scores, b.scores]), np.concatenate([a.indices, b.indices]))


def _top(ranked: Tail, k: int) -> Tail:
    # copies, so that a tail of a large part does not keep the whole part alive
    return Tail(ranked.scores[::-1][:k].copy(), ranked.indices[::-1][:k].copy())


def _bottom(ranked: Tail, k: int) -> Tail:
    return Tail(ranked.scores[:k].copy(), ranked.indices[:k].copy())
