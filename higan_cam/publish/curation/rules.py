"""The rules of curation, as pure functions from figures to who stays and who goes by which rule.

A sample goes by the first rule that it breaks, in the order of `RULES`; near duplicates are looked for among those that
are left then, and levels are balanced last. So a bad sample never displaces a good one, and the same run gives the same
selection whatever the order its shards were made in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from higan_cam.config import CurationConfig
from higan_cam.publish.curation.duplicates import first_alike
from higan_cam.publish.curation.table import SampleTable
from higan_cam.types import BoolArray, FloatArray, IntArray

LIMITS = (
    ("min_regions", "regions"),
    ("max_regions", "regions"),
    ("min_score_change", "score_change"),
    ("min_retention", "retention"),
    ("min_necessity", "necessity"),
    ("min_coverage", "coverage"),
    ("max_coverage", "coverage"),
    ("min_probability", "probability"),
    ("max_probability", "probability"),
)
"""(field of the configuration, column that it bounds), in the order in which they apply."""
NEAR_DUPLICATE, BALANCE = "duplicate_distance", "balance"
RULES = (*(name for name, _ in LIMITS), NEAR_DUPLICATE, BALANCE)


@dataclass(frozen=True, eq=False)
class Judgement:
    """n samples in order of index.

    Attributes:
        rule: (n,) place in `RULES` of the rule that drops a sample, -1 for what stays.
        duplicate_of: (n,) index of the sample that it repeats, -1 for none.
        levels: {level: (samples before balancing, samples kept)}; empty where levels are not balanced.
    """

    rule: IntArray
    duplicate_of: IntArray
    levels: Mapping[int, tuple[int, int]]

    @property
    def kept(self) -> BoolArray:
        """(n,) what stays."""
        return np.asarray(self.rule < 0)

    def dropped(self, config: CurationConfig) -> dict[str, int]:
        """{rule: samples} of every rule that applies, also where it drops none."""
        applied = [name for name in RULES if getattr(config, name) is not None]
        return {name: int((self.rule == RULES.index(name)).sum()) for name in applied}


def apply_rules(
    table: SampleTable, config: CurationConfig, *, seed: int, score_range: tuple[float, float], levels: int
) -> Judgement:
    """Apply every rule of the configuration.

    Args:
        table: the figures of a run.
        config: the rules.
        seed: of the run; decides which samples of a crowded level stay.
        score_range: of the scorer.
        levels: equal steps of it, to balance over.
    """
    rule = _beyond_limits(table, config)
    duplicate_of = np.full(len(table), -1, np.int64)
    if config.duplicate_distance is not None:
        left = np.flatnonzero(rule < 0)
        first = first_alike(table.hashes[left], config.duplicate_distance)
        repeats = left[first >= 0]
        duplicate_of[repeats] = table.columns["index"][left[first[first >= 0]]]
        rule[repeats] = RULES.index(NEAR_DUPLICATE)
    if config.balance is None:
        return Judgement(rule, duplicate_of, {})
    level = np.where(rule < 0, levels_of(table.columns[config.balance_by], score_range, levels), -1)
    stays = balanced(level, table.columns["index"], config.balance, seed)
    rule[(rule < 0) & ~stays] = RULES.index(BALANCE)
    counts = {step: (int((level == step).sum()), int((level[stays] == step).sum())) for step in range(levels)}
    return Judgement(rule, duplicate_of, counts)


def _beyond_limits(table: SampleTable, config: CurationConfig) -> IntArray:
    """(n,) the first of `LIMITS` that each sample breaks, -1 for none."""
    rule = np.full(len(table), -1, np.int64)
    for place, (name, column) in enumerate(LIMITS):
        limit = getattr(config, name)
        if limit is not None:
            values = table.columns[column]
            # Written so that NaN breaks it.
            meets = values >= limit if name.startswith("min_") else values <= limit
            rule[(rule < 0) & ~meets] = place
    return rule


def levels_of(scores: FloatArray, score_range: tuple[float, float], count: int) -> IntArray:
    """(n,) scores -> which of `count` equal steps of the range each is in, as `captions.level_of`; -1 for NaN."""
    low, high = score_range
    share = np.clip((scores - low) / (high - low), 0.0, 1.0)
    known = ~np.isnan(share)
    steps = np.minimum(count - 1, np.floor(count * np.where(known, share, 0.0))).astype(np.int64)
    return np.where(known, steps, -1)


def balanced(level: IntArray, index: IntArray, ratio: float, seed: int) -> BoolArray:
    """(n,) levels, -1 for what is out already -> (n,) what stays when no level has more than ratio x the smallest.

    Levels without a sample do not count. Which samples of a crowded level stay follows from (seed, index).
    """
    counts = np.bincount(level[level >= 0], minlength=1)
    cap = int(ratio * counts[counts > 0].min(initial=len(level)))
    order = np.lexsort((index, _draw(index, seed), level))
    start = np.searchsorted(level[order], level[order], side="left")
    stays = np.zeros(len(level), np.bool_)
    stays[order] = np.arange(len(level)) - start < cap
    return stays & (level >= 0)


def _draw(index: IntArray, seed: int) -> IntArray:
    """(n,) numbers that look random and follow from (seed, index): splitmix64, twice."""
    with np.errstate(over="ignore"):
        return _mix(np.asarray(index, np.uint64) ^ _mix(np.array([seed], np.uint64)))


def _mix(value: IntArray) -> IntArray:
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
