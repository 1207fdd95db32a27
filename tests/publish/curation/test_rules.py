"""Balancing and levels, on plain arrays."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.publish.captions import level_of
from higan_cam.publish.curation.rules import balanced, levels_of


@given(scores=st.lists(st.floats(-1, 4), max_size=20), count=st.integers(1, 6))
def test_levels_are_those_that_captions_speak_of(scores: list[float], count: int) -> None:
    levels = levels_of(np.array(scores, np.float64), (0.0, 3.0), count)
    assert levels.tolist() == [level_of(score, (0.0, 3.0), count) for score in scores]


def test_a_score_that_is_not_a_number_has_no_level_and_does_not_stay() -> None:
    level = levels_of(np.array([math.nan, 1.0]), (0.0, 3.0), 3)
    assert level.tolist() == [-1, 1]
    assert balanced(level, np.arange(2), 1.0, 0).tolist() == [False, True]


@given(
    levels=st.lists(st.integers(-1, 3), max_size=60),
    ratio=st.floats(1, 4),
    seed=st.integers(0, 2**63 - 1),
    data=st.data(),
)
def test_no_level_exceeds_its_share_and_order_does_not_matter(
    levels: list[int], ratio: float, seed: int, data: st.DataObject
) -> None:
    level, index = np.array(levels, np.int64), np.arange(len(levels)) * 3
    stays = balanced(level, index, ratio, seed)
    counts = {step: levels.count(step) for step in set(levels) - {-1}}
    cap = int(ratio * min(counts.values(), default=0))
    assert {step: int(stays[level == step].sum()) for step in counts} == {
        step: min(cap, count) for step, count in counts.items()
    }
    order = np.array(data.draw(st.permutations(range(len(levels)))), np.int64)
    assert np.array_equal(balanced(level[order], index[order], ratio, seed), stays[order])


def test_another_seed_keeps_other_samples() -> None:
    level = np.repeat([0, 1], [200, 20])
    kept = [balanced(level, np.arange(220), 1.0, seed) for seed in (1, 2)]
    assert [int(stays.sum()) for stays in kept] == [40, 40]
    assert (kept[0] & kept[1]).sum() < 35
    # Not the first ones of the level either.
    assert np.flatnonzero(kept[0][:200]).mean() > 50
