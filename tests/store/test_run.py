"""A run's directory belongs to one configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.errors import RunMismatchError, StoreError
from higan_cam.store import run
from higan_cam.store.run import (
    begin_run,
    read_run,
    record_choice,
    record_student,
    recorded_choice,
    recorded_config,
    recorded_floor,
    recorded_student,
    with_choice,
)
from higan_cam.store.store import Store, open_store

WEIGHTS = {"generator": "a" * 64}


def config_of(**values: Any) -> RunConfig:
    return parse_config(values)


def test_run_json_says_what_is_needed_to_make_it_again(store: Store) -> None:
    config = config_of(seed=5)
    assert begin_run(store, config, WEIGHTS)
    described = read_run(store)
    assert described["config_hash"] == config_hash(config)
    assert described["seed"] == 5
    assert described["weights"] == WEIGHTS
    assert {"python", "torch", "numpy", "scikit-learn", "pyarrow"} <= set(described["versions"])
    assert set(described) == {"config", "config_hash", "seed", "versions", "weights"}


def test_same_configuration_goes_on(store: Store) -> None:
    begin_run(store, config_of(), WEIGHTS)
    before = store.get("run.json")
    assert not begin_run(store, config_of(runtime={"workers": 3}, output="elsewhere"), WEIGHTS)
    assert store.get("run.json") == before


def test_the_floor_is_measured_for_a_new_run_and_taken_from_there_by_all_others(store: Store) -> None:
    assert begin_run(store, config_of(), WEIGHTS, lambda: 3)
    assert not begin_run(store, config_of(), WEIGHTS, lambda: pytest.fail("measured again"))
    assert recorded_floor(store) == read_run(store)["floor_levels"] == 3
    assert read_run(store)["config_hash"] == config_hash(config_of())


def test_what_a_table_settles_stands_in_run_json_and_refuses_nobody(store: Store) -> None:
    config = RunConfig()
    assert begin_run(store, config, settled={"light_response": "film"})
    assert read_run(store)["light_response"] == "film"
    assert not begin_run(store, config, settled={"light_response": "srgb"})
    assert read_run(store)["light_response"] == "film"


def test_a_run_begun_before_floors_were_measured_goes_on_without_one(store: Store) -> None:
    begin_run(store, config_of(), WEIGHTS)
    before = store.get("run.json")
    assert not begin_run(store, config_of(), WEIGHTS, lambda: 3)
    assert recorded_floor(store) is None
    assert store.get("run.json") == before


def test_the_first_student_that_is_written_down_is_the_runs_and_nothing_else_changes(store: Store) -> None:
    begin_run(store, config_of(), WEIGHTS, lambda: 3)
    before = read_run(store)
    assert recorded_student(store) is None
    assert record_student(store, "a" * 64) == record_student(store, "b" * 64) == recorded_student(store) == "a" * 64
    assert read_run(store) == {**before, "student_sha256": "a" * 64}
    assert not begin_run(store, config_of(), WEIGHTS)


def test_the_first_choice_that_is_written_down_is_the_runs_and_changes_neither_hash_nor_record(store: Store) -> None:
    config = parse_config({"attribution": {"name": "auto"}, "output": store.uri})
    begin_run(store, config, WEIGHTS)
    before = read_run(store)
    assert with_choice(config, store) == config
    for name in ("colour_change", "light_change"):
        record_choice(store, {"name": name, "samples": 32})
    assert recorded_choice(store) == {"name": "colour_change", "samples": 32}
    assert with_choice(config, store).attribution.name == "colour_change"
    assert read_run(store) == {**before, "attribution": {"name": "colour_change", "samples": 32}}
    assert recorded_config(store) == config
    assert not begin_run(store, config, WEIGHTS)


@pytest.mark.parametrize("record", ["light_change", {"name": 3}, []])
def test_a_choice_that_names_nothing_is_refused(store: Store, record: Any) -> None:
    begin_run(store, config_of())
    store.put("run.json", json.dumps({**read_run(store), "attribution": record}).encode())
    with pytest.raises(StoreError, match=r"run\.json: attribution must say which was chosen, found"):
        recorded_choice(store)


@pytest.mark.parametrize("levels", [0, -1, "3", float("nan"), [1]])
def test_a_floor_that_is_no_number_of_levels_is_refused(store: Store, levels: Any) -> None:
    begin_run(store, config_of())
    store.put("run.json", json.dumps({**read_run(store), "floor_levels": levels}).encode())
    with pytest.raises(StoreError, match=r"run\.json: floor_levels must be a number of levels from 1 up, found"):
        recorded_floor(store)


def test_other_configuration_is_refused_by_field(store: Store) -> None:
    begin_run(store, config_of(seed=1), WEIGHTS)
    before = store.get("run.json")
    with pytest.raises(RunMismatchError) as caught:
        begin_run(store, config_of(seed=2, mask={"count": 7}), {"generator": "b" * 64})
    message = str(caught.value)
    assert "seed: 1 there, 2 asked for" in message
    assert "mask.count: 1024 there, 7 asked for" in message
    assert "weights.generator" in message
    assert store.uri in message
    assert caught.value.exit_code == 2
    assert store.get("run.json") == before


def test_versions_that_shape_bytes_must_agree_and_others_need_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_run(store, config_of())
    real = run._versions()
    monkeypatch.setattr(run, "_versions", lambda: {**real, "python": "3.99.0", "ray": "99"})
    assert not begin_run(store, config_of())
    monkeypatch.setattr(run, "_versions", lambda: {**real, "torch": "0.0"})
    with pytest.raises(RunMismatchError, match=r"versions\.torch"):
        begin_run(store, config_of())


def test_directory_that_is_not_a_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match="not empty and not a run"):
        begin_run(open_store(tmp_path), config_of())
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"x")
    with pytest.raises(StoreError, match="a file lies where a folder is needed"):
        begin_run(open_store(tmp_path / "run"), config_of())


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"config": 3}'])
def test_foreign_run_json_is_refused(store: Store, body: bytes) -> None:
    store.put("run.json", body)
    with pytest.raises(StoreError, match=r"run\.json"):
        begin_run(store, config_of())
    assert store.get("run.json") == body


def test_reading_a_missing_run_says_so(store: Store) -> None:
    with pytest.raises(StoreError, match="not a run"):
        read_run(store)


def test_run_json_is_the_same_in_two_directories(tmp_path: Path) -> None:
    stores = [open_store(tmp_path / name) for name in "ab"]
    for store in stores:
        begin_run(store, config_of(output=store.uri), WEIGHTS)
    first, second = (store.get("run.json") for store in stores)
    assert first == second
    assert str(tmp_path) not in first.decode()
    assert json.loads(first)["config"]["seed"] == 0
