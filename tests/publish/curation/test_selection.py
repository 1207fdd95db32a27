"""Curation drops for a stated reason, once, the same whatever the order of shards, and touches no shard."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from higan_cam.config import CurationConfig
from higan_cam.errors import ConfigError, DataError, HiganCamError, StoreError
from higan_cam.publish.curation.selection import curate, load_selection, read_summaries
from higan_cam.publish.curation.table import read_samples
from higan_cam.store.store import Store, open_store
from higan_cam.types import Sample
from tests.support.samples import commit_run, sample_of

OFF = CurationConfig(min_regions=None, duplicate_distance=None)


def samples_of(count: int, **changes: dict[int, Any]) -> list[Sample]:
    """`count` samples; `retention={3: 0.1}` gives sample 3 that retention."""
    samples = [sample_of(index) for index in range(count)]
    for name, values in changes.items():
        for index, value in values.items():
            samples[index] = replace(samples[index], **{name: value})
    return samples


def twin(sample: Sample, index: int) -> Sample:
    """Another sample with the same picture."""
    return replace(sample_of(index), image=sample.image)


def rows_of(store: Store, name: str = "default") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(store.get(f"curation/{name}.parquet"))).to_pylist()
    return rows


def test_each_sample_goes_by_the_first_rule_that_it_breaks(store: Store) -> None:
    commit_run(store, samples_of(9, retention={2: 0.1, 3: 0.1, 4: math.nan}, coverage={3: 0.9}, regions={3: ()}))
    summary = curate(store, CurationConfig(min_retention=0.5, max_coverage=0.6, duplicate_distance=None))
    assert {row["index"]: row["rule"] for row in rows_of(store) if not row["kept"]} == {
        2: "min_retention",
        3: "min_regions",
        4: "min_retention",
    }
    assert (summary.samples, summary.kept) == (9, 6)
    assert summary.dropped == {"min_regions": 1, "min_retention": 2, "max_coverage": 0}
    assert summary.reasons == [("regions below 1", 1), ("retention below 0.5", 2), ("coverage above 0.6", 0)]


@pytest.mark.parametrize(
    ("rules", "dropped"),
    [
        ({"min_score_change": 2.0}, {1}),
        ({"min_necessity": 0.5}, {2}),
        ({"min_coverage": 0.1}, {3}),
        ({"max_coverage": 0.6}, {4}),
        ({"min_regions": 1}, {5}),
        ({"max_regions": 2}, {6}),
        ({}, set()),
    ],
)
def test_every_limit_bounds_its_own_figure(rules: dict[str, Any], dropped: set[int], store: Store) -> None:
    samples = samples_of(8, score_positive={1: 1.0}, necessity={2: 0.4}, coverage={3: 0.05, 4: 0.7}, regions={5: ()})
    samples[6] = replace(samples[6], regions=samples[0].regions * 2)
    commit_run(store, samples)
    curate(store, OFF.model_copy(update=rules))
    assert {row["index"] for row in rows_of(store) if not row["kept"]} == dropped


def test_of_near_duplicates_the_lowest_index_stays_across_shards_in_any_order(store: Store) -> None:
    samples = samples_of(12)
    samples[5], samples[9], samples[10] = (twin(samples[5], 5), twin(samples[5], 9), twin(samples[2], 10))
    commit_run(store, samples[::-1], shard_size=3)
    summary = curate(store, OFF.model_copy(update={"duplicate_distance": 0}))
    assert {row["index"]: row["duplicate_of"] for row in rows_of(store) if not row["kept"]} == {9: 5, 10: 2}
    assert summary.dropped == {"duplicate_distance": 2}


def test_a_sample_that_goes_anyway_displaces_no_duplicate(store: Store) -> None:
    samples = samples_of(6, retention={1: 0.1})
    samples[4] = twin(samples[1], 4)
    commit_run(store, samples)
    curate(store, OFF.model_copy(update={"duplicate_distance": 0, "min_retention": 0.5}))
    assert [row["index"] for row in rows_of(store) if not row["kept"]] == [1]


def test_balancing_cuts_crowded_levels_to_a_multiple_of_the_rarest(store: Store) -> None:
    scores = dict.fromkeys(range(3), 0.2) | dict.fromkeys(range(3, 13), 2.9) | dict.fromkeys(range(13, 20), 1.0)
    commit_run(store, samples_of(20, score_positive=scores))
    rules = OFF.model_copy(update={"balance": 2.0})
    summary = curate(store, rules, score_range=(0.0, 3.0))
    assert summary.levels == {"unlit": [3, 3], "dim": [7, 6], "lit": [0, 0], "bright": [10, 6]}
    assert summary.dropped == {"balance": 5}
    with pytest.raises(ConfigError, match=r"curation\.balance"):
        curate(store, rules)


def test_the_same_samples_in_other_shards_give_the_same_selection() -> None:
    samples = samples_of(17, score_positive=dict.fromkeys(range(5), 0.3))
    samples[11] = twin(samples[4], 11)
    bodies = set()
    for shard_size, order in ((4, 1), (7, 1), (3, -1)):
        store = open_store(f"memory://curation-{shard_size}/run")
        commit_run(store, samples[::order], shard_size)
        curate(store, CurationConfig(balance=1.0), score_range=(0.0, 3.0))
        bodies.add(store.get("curation/default.parquet"))
    assert len(bodies) == 1


def test_curating_again_gives_the_same_bytes_and_touches_no_shard(store: Store) -> None:
    commit_run(store, samples_of(5))
    before = {key: store.get(key) for key in store.list()}
    curate(store, CurationConfig())
    first = {key: store.get(key) for key in store.list("curation/")}
    curate(store, CurationConfig())
    assert {key: store.get(key) for key in store.list()} == {**before, **first}
    assert sorted(first) == ["curation/default.json", "curation/default.parquet"]


def test_a_selection_answers_for_the_samples_it_has_judged(store: Store) -> None:
    commit_run(store, samples_of(6, regions={2: ()}))
    curate(store, CurationConfig(), name="strict")
    selection = load_selection(store, "strict")
    assert selection.keeps(np.array([5, 2, 0])).tolist() == [True, False, True]
    assert selection.fingerprint == read_samples(store).fingerprint
    with pytest.raises(StoreError, match="has not judged sample 6"):
        selection.keeps(np.array([0, 6]))


def test_an_unknown_selection_names_those_that_are_there(store: Store) -> None:
    commit_run(store, samples_of(2))
    with pytest.raises(ConfigError, match="make one with: higan-cam curate"):
        load_selection(store, "strict")
    curate(store, CurationConfig(), name="strict")
    with pytest.raises(ConfigError, match="Did you mean 'strict'"):
        load_selection(store, "strct")


def test_a_selection_whose_halves_do_not_fit_is_refused(store: Store) -> None:
    commit_run(store, samples_of(2))
    curate(store, CurationConfig())
    store.put("curation/default.parquet", b"other")
    with pytest.raises(StoreError, match="is not the one that"):
        load_selection(store, "default")
    store.put("curation/default.json", json.dumps({"name": "default"}).encode())
    with pytest.raises(StoreError, match="curate again"):
        read_summaries(store)


@pytest.mark.parametrize("name", ["", "../x", "a b", "ä", "x" * 65])
def test_a_name_that_is_no_file_name_is_refused(name: str, store: Store) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        curate(store, CurationConfig(), name=name)


def test_a_place_without_samples_says_what_makes_them(store: Store) -> None:
    with pytest.raises(HiganCamError, match="not a run"):
        curate(store, CurationConfig())
    commit_run(store, samples_of(1))
    store.put("manifest/data-00000.json", b"{}")
    with pytest.raises(DataError, match="`higan-cam run` makes them"):
        curate(store, CurationConfig())
