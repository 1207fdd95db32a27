"""Inspection draws the samples it says it draws, each once."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import CurationConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.publish.curation.selection import curate
from higan_cam.publish.images import decode_image
from higan_cam.publish.sheets.inspection import choose, inspect_run
from higan_cam.store.store import Store
from tests.support.samples import commit_run, sample_of

RETENTION = (0.4, 0.9, math.nan, 0.1, 0.7, 0.2, 0.8, 0.3, 0.6, 0.5, 1.1, 0.0)


@pytest.fixture
def run(store: Store) -> Store:
    """Twelve samples in shards of five, not in order of index."""
    samples = [replace(sample_of(index), retention=value) for index, value in enumerate(RETENTION)]
    samples[3] = replace(samples[3], status="empty", reason="too weak", regions=())
    commit_run(store, samples[::-1], shard_size=5)
    return store


def test_best_and_worst_are_those_of_the_figure_and_random_is_of_the_rest(run: Store) -> None:
    found = inspect_run(run, count=3, seed=4)
    assert (found.best.tolist(), found.worst.tolist()) == ([10, 1, 6], [11, 3, 5])
    assert set(found.random.tolist()) < {0, 2, 4, 7, 8, 9}
    assert (found.samples, found.matching, found.without) == (12, 12, 1)
    assert decode_image(found.sheet).shape[1] > 8 * 128


def test_a_filter_and_a_selection_leave_out_the_others(run: Store) -> None:
    curate(run, CurationConfig())
    found = inspect_run(run, where="retention < 0.45", selection="default", count=2, sort="index")
    assert (found.best.tolist(), found.worst.tolist(), found.random.tolist()) == ([11, 7], [0, 5], [])
    assert found.matching == 4


def test_the_same_question_gives_the_same_sheet_and_another_seed_other_samples(run: Store) -> None:
    assert inspect_run(run, count=2, seed=1).sheet == inspect_run(run, count=2, seed=1).sheet
    assert len({tuple(inspect_run(run, count=2, seed=seed).random.tolist()) for seed in range(8)}) > 1


def test_one_sample_that_passes_is_drawn_once(run: Store) -> None:
    found = inspect_run(run, where="index == 4")
    assert (found.best.tolist(), found.worst.tolist(), found.random.tolist()) == ([4], [], [])


def test_nothing_passing_says_what_the_figures_are(run: Store) -> None:
    with pytest.raises(DataError, match=r"none of 12 samples passes --where 'retention > 3'.*retention 0 to 1\.1"):
        inspect_run(run, where="retention > 3")


@pytest.mark.parametrize(("sort", "said"), [("retenton", "Did you mean 'retention'"), ("status", "unknown name")])
def test_a_figure_that_does_not_exist_is_named(sort: str, said: str, run: Store) -> None:
    with pytest.raises(ConfigError, match=said):
        inspect_run(run, sort=sort)


@given(
    values=st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=30),
    count=st.integers(1, 8),
    seed=st.integers(0, 2**63),
)
def test_no_sample_is_drawn_twice_and_none_below_the_best(values: list[float], count: int, seed: int) -> None:
    figure, rows = np.array(values), np.arange(len(values))
    best, worst, chance = choose(rows, figure, count, seed)
    drawn = [*best, *worst, *chance]
    assert len(set(drawn)) == len(drawn) == min(len(drawn), len(values))
    known = figure[~np.isnan(figure)]
    assert sorted(figure[best], reverse=True) == sorted(known, reverse=True)[:count]
    assert sorted(figure[worst]) == sorted(known)[: min(count, len(known) - len(best))]
    assert len(chance) == min(count, len(values) - len(best) - len(worst))
