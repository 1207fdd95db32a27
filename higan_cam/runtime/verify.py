"""Hashing a run's shards on a cluster: every node reads its part, and the driver hears digests alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ray

from higan_cam.store import Store
from higan_cam.store.verify import digests_here

AT_A_TIME = 32
"""Objects of a task: a task costs milliseconds, and one that is lost is done again."""


def digests_on_cluster(store: Store, keys: Sequence[str]) -> Iterator[str | None]:
    """sha256 of each object, in order, by tasks on whatever nodes the cluster has; None of one that is not there.

    Ray must be initialised. A task that dies with its node is tried again elsewhere.
    """
    task: Any = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_digests)
    parts = [keys[start : start + AT_A_TIME] for start in range(0, len(keys), AT_A_TIME)]
    hashed = [task.remote(store, part) for part in parts]
    for each in hashed:
        yield from ray.get(each)


def _digests(store: Store, keys: Sequence[str]) -> list[str | None]:
    return list(digests_here(store, keys))
