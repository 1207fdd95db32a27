"""Which examples a step is shown, and random numbers of its own: functions of seed and place, without a memory.

So a training that was stopped, or that runs on another number of workers, sees the same stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from higan_cam.types import IntArray


def stream(seed: int, number: int, kind: int = 0) -> np.random.Generator:
    """Random numbers of their own for each (seed, number, kind), all >= 0."""
    counter = np.array([0, 0, 0, kind], np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=np.array([seed, number], np.uint64)))


def rows_shown(places: Iterable[int], count: int, seed: int, kind: int = 0) -> IntArray:
    """(len(places),) which of `count` examples, from 0, are shown at these places of the stream.

    Each comes once before any comes twice, in another order every time, which `stream(seed, turn, kind)` draws.
    """
    return np.array([_order(seed, place // count, kind, count)[place % count] for place in places], np.int64)


@lru_cache(maxsize=4)  # of two folders, where a step may end one turn and begin the next
def _order(seed: int, turn: int, kind: int, count: int) -> IntArray:
    return stream(seed, turn, kind).permutation(count)
