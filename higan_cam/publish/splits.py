"""Which shard goes to which split. Decided by (number of shards, configuration) alone, before any shard exists."""

from __future__ import annotations

from collections import Counter
from itertools import count

from higan_cam.config import PublishConfig
from higan_cam.store.keys import SPLITS, Split

PILOT_HELD_OUT = 8
"""One in so many shards of a pilot is held out."""


def plan_splits(shards: int, publish: PublishConfig) -> list[tuple[Split, int, int]]:
    """For each shard its split, its number within the split, and how many shards the split has.

    Held-out shards are spread evenly over the run, so that an unfinished run has some of each; samples are independent
    draws, so position carries no bias. There is always a train shard. From three shards on, a split whose share is
    above zero has at least one.
    """
    if shards < 1:
        raise ValueError(f"a dataset has at least one shard, got {shards}")
    validation, test = _held_out(shards, publish)
    names: list[Split] = ["train"] * shards
    held = _spread(shards, validation + test)
    tests = {held[place] for place in _spread(len(held), test)}
    for shard in held:
        names[shard] = "test" if shard in tests else "validation"
    totals = Counter(names)
    counters = {name: count() for name in SPLITS}
    return [(name, next(counters[name]), totals[name]) for name in names]


def held_out_of_pilot(shards: int) -> tuple[int, ...]:
    """Numbers of the pilot's shards that its student does not learn from: one in eight, spread evenly, at least one."""
    return tuple(_spread(shards, max(1, shards // PILOT_HELD_OUT)))


def _held_out(shards: int, publish: PublishConfig) -> tuple[int, int]:
    """Number of validation and test shards."""
    validation = _share(shards, publish.validation_fraction)
    test = _share(shards, publish.test_fraction)
    while validation + test >= shards:
        validation, test = (validation - 1, test) if validation > test else (validation, test - 1)
    return validation, test


def _share(shards: int, fraction: float) -> int:
    least = 1 if fraction > 0 and shards >= 3 else 0
    return max(least, int(fraction * shards + 0.5))


def _spread(total: int, wanted: int) -> list[int]:
    """`wanted` distinct places out of `total`, as even as they go: the middles of equal intervals."""
    return [(2 * place + 1) * total // (2 * wanted) for place in range(wanted)]
