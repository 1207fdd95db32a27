"""Splits are decided by shard, before anything is made."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from higan_cam.config import PublishConfig
from higan_cam.publish.splits import held_out_of_pilot, plan_splits
from higan_cam.store.keys import shard_path


def config_of(validation: float, test: float) -> PublishConfig:
    return PublishConfig(validation_fraction=validation, test_fraction=test)


@given(shards=st.integers(1, 300), validation=st.floats(0, 0.98), test=st.floats(0, 0.98))
def test_every_shard_has_its_own_name_and_train_is_never_empty(shards: int, validation: float, test: float) -> None:
    assume(validation + test < 0.99)
    plan = plan_splits(shards, config_of(validation, test))
    counts = Counter(split for split, _, _ in plan)
    assert len(plan) == len(set(plan)) == shards
    assert counts["train"] >= 1
    assert all(of == counts[split] and 0 <= index < of for split, index, of in plan)
    for found, fraction in ((counts["validation"], validation), (counts["test"], test)):
        assert abs(found - fraction * shards) <= 2 or shards < 3
        assert (found > 0) == (fraction > 0) or shards < 3
    assert plan == plan_splits(shards, config_of(validation, test))


def test_held_out_shards_are_spread_over_the_run() -> None:
    plan = plan_splits(100, config_of(0.05, 0.05))
    held = [shard for shard, (split, _, _) in enumerate(plan) if split != "train"]
    assert held == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]
    assert Counter(split for split, _, _ in plan) == {"train": 90, "validation": 5, "test": 5}


def test_numbers_count_within_the_split() -> None:
    plan = plan_splits(40, config_of(0.1, 0))
    assert [index for split, index, _ in plan if split == "train"] == [*range(36)]
    assert [index for split, index, _ in plan if split == "validation"] == [*range(4)]


def test_small_runs_are_train_only_and_three_shards_have_all() -> None:
    assert [split for split, _, _ in plan_splits(2, config_of(0.05, 0.05))] == ["train", "train"]
    assert sorted(split for split, _, _ in plan_splits(3, config_of(0.05, 0.05))) == ["test", "train", "validation"]


def test_names_are_those_the_datasets_library_expects() -> None:
    assert shard_path("train", 0, 40) == "data/train-00000-of-00040.parquet"


def test_no_shards_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one shard"):
        plan_splits(0, config_of(0, 0))


@pytest.mark.parametrize(("shards", "held"), [(3, (1,)), (8, (4,)), (16, (4, 12)), (24, (4, 12, 20))])
def test_one_shard_of_a_pilot_in_eight_is_held_out_and_at_least_one(shards: int, held: tuple[int, ...]) -> None:
    assert held_out_of_pilot(shards) == held
