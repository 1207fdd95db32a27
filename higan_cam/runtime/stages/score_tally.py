"""What the driver keeps of all scores: tails, a histogram and a fixed set of others, whatever their number.

Kept in the run, too (`stats/index/`), so that a start need not read the score shards that are in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from higan_cam.config import RunConfig, config_hash
from higan_cam.manipulate import Extremes, Tail, merge, select_extremes
from higan_cam.types import FloatArray, IntArray

REST = 5_000
"""Latents outside the tails that the fit is measured on."""
HISTOGRAM_BINS = 60


@dataclass(frozen=True, eq=False)
class Labels:
    """What the driver keeps of all scores: O(tails), whatever the number of samples.

    Attributes:
        extremes: the tails.
        indices, scores: the first samples by index, enough that `REST` remain outside the tails.
        counts, edges: histogram of all finite scores over the scorer's range; where that has no bounds, of `scores`.
    """

    extremes: Extremes
    indices: IntArray
    scores: FloatArray
    counts: IntArray
    edges: FloatArray


class ScoreTally:
    """Merges score shards, in any order, into the same `Labels`.

    Attributes:
        rows: {shard: its labels} of those that are in it.
    """

    def __init__(self, config: RunConfig, score_range: tuple[float, float]) -> None:
        self.rows: dict[int, int] = {}
        self._tails = config.boundary.tails
        self._keep = 2 * self._tails + REST
        self._of = f"{config_hash(config)} {self._keep} {HISTOGRAM_BINS}".encode()
        self._extremes = select_extremes([], [], self._tails)
        self._first: list[tuple[IntArray, FloatArray]] = []
        self._edges = np.linspace(*score_range, HISTOGRAM_BINS + 1) if np.isfinite(score_range).all() else None
        self._counts = np.zeros(HISTOGRAM_BINS, np.int64)

    def add(self, shard: int, indices: IntArray, scores: FloatArray) -> None:
        """One more shard."""
        self.rows[shard] = len(indices)
        self._extremes = merge(self._extremes, select_extremes(scores, indices, self._tails))
        early = indices < self._keep
        if early.any():
            self._first.append((indices[early], scores[early]))
        if self._edges is not None:
            finite = scores[np.isfinite(scores)]
            self._counts += np.histogram(np.clip(finite, self._edges[0], self._edges[-1]), self._edges)[0]

    def result(self) -> Labels:
        """The labels of all shards so far."""
        indices, scores = self._early()
        order = np.argsort(indices)
        counts, edges = self._counts, self._edges
        if edges is None:
            counts, edges = np.histogram(scores[np.isfinite(scores)], HISTOGRAM_BINS)
        return Labels(self._extremes, indices[order], scores[order], counts, edges)

    def encode(self) -> bytes:
        """As a file that `restore` goes on from."""
        indices, scores = self._early()
        found = self._extremes
        first_nan = -1 if found.first_nan is None else found.first_nan
        arrays = {
            "of": np.frombuffer(self._of, np.uint8),
            "shards": np.array(list(self.rows), np.int64),
            "rows": np.array(list(self.rows.values()), np.int64),
            "seen": np.array([found.seen, found.nans, first_nan], np.int64),
            "highest": found.highest.indices,
            "highest_scores": found.highest.scores,
            "lowest": found.lowest.indices,
            "lowest_scores": found.lowest.scores,
            "first": indices,
            "first_scores": scores,
            "counts": self._counts,
        }
        return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})

    def restore(self, body: bytes) -> bool:
        """Take over what `encode` wrote; whether it was one of this configuration. Any other leaves all as it is."""
        try:
            arrays = load(body)
            if arrays["of"].tobytes() != self._of:
                return False
            highest, lowest = (Tail(arrays[f"{end}_scores"], arrays[end]) for end in ("highest", "lowest"))
            seen, nans, first_nan = arrays["seen"].tolist()
            rows = dict(zip(arrays["shards"].tolist(), arrays["rows"].tolist(), strict=True))
            first = (arrays["first"], arrays["first_scores"])
        except (SafetensorError, ValueError, KeyError):
            return False
        self._extremes = Extremes(self._tails, highest, lowest, seen, nans, None if first_nan < 0 else first_nan)
        self._first, self._counts, self.rows = [first], arrays["counts"], rows
        return True

    def _early(self) -> tuple[IntArray, FloatArray]:
        empty = (np.zeros(0, np.int64), np.zeros(0, np.float32))
        indices, scores = (np.concatenate(column) for column in zip(empty, *self._first, strict=True))
        return indices, scores


def outside_tails(labels: Labels) -> tuple[IntArray, FloatArray]:
    """The first `REST` labelled samples that are in neither tail: (n,) indices and scores."""
    tails = np.concatenate([labels.extremes.highest.indices, labels.extremes.lowest.indices])
    outside = ~np.isin(labels.indices, tails) & np.isfinite(labels.scores)
    return labels.indices[outside][:REST], labels.scores[outside][:REST]
