"""How well a segmenter's map of parts agrees with the true one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from higan_cam.types import Interval
from higan_cam.worlds.face_parts import PARTS

RESAMPLES = 1000
_TAILS = (2.5, 97.5)


def part_agreement(found: Tensor, true: Tensor, *, seed: int = 0) -> dict[str, Interval]:
    """Intersection over union of every part that is anywhere, with 95% bootstrap intervals (pictures resampled).

    Intersections and unions are added up over the pictures first, so a part that a picture lacks counts where it is
    found all the same, and `mean` is the mean over the parts.

    Args:
        found, true: (N,h,w) uint8 labels of `PARTS`, N >= 1.
    """
    shared, either = (np.array(list(counts), dtype=np.float64) for counts in zip(*_counts(found, true), strict=True))
    there = either.sum(axis=0) > 0
    shared, either = shared[:, there], either[:, there]
    draws = np.random.Generator(np.random.Philox(key=seed)).integers(0, len(found), (RESAMPLES, len(found)))
    resampled = np.stack([shared[rows].sum(axis=0) / np.maximum(either[rows].sum(axis=0), 1) for rows in draws])
    value = shared.sum(axis=0) / either.sum(axis=0)
    names = [name for name, seen in zip(PARTS, there, strict=True) if seen]
    columns = {name: (value[i], resampled[:, i]) for i, name in enumerate(names)}
    columns["mean"] = (value.mean(), resampled.mean(axis=1))
    return {
        name: Interval(float(one), *map(float, np.percentile(many, _TAILS))) for name, (one, many) in columns.items()
    }


def _counts(found: Tensor, true: Tensor) -> Iterator[tuple[list[int], list[int]]]:
    """Of each picture: how many pixels both, and either, call each part."""
    for ours, theirs in zip(found, true, strict=True):
        pairs = np.bincount(
            ours.flatten().numpy().astype(np.int64) * len(PARTS) + theirs.flatten().numpy(), minlength=len(PARTS) ** 2
        ).reshape(len(PARTS), len(PARTS))
        shared = np.diag(pairs)
        yield shared.tolist(), (pairs.sum(axis=0) + pairs.sum(axis=1) - shared).tolist()
