"""The state of a run is read from the store alone, and says who is at work."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from higan_cam.config import RunConfig, config_hash, load_config
from higan_cam.config.attributes import members
from higan_cam.config.layers import format_spans
from higan_cam.errors import StoreError
from higan_cam.publish.scores import encode_scores
from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import LIGHTS, PLACES, pilot_path, scores_path
from higan_cam.store.lease import Holder, Lease
from higan_cam.store.manifest import commit_shard, quarantine_shard
from higan_cam.store.run import begin_run, listed_stage, record_student, recorded_config
from higan_cam.store.status import read_status
from higan_cam.store.status_text import duration, status_lines, unfinished_lines
from higan_cam.store.store import Store, open_store
from tests.support.commands import Command

CONFIG = load_config(
    None, ["label.count=10", "label.shard_size=4", "mask.count=5", "mask.shard_size=2", "boundary.tails=2"]
)
ELSEWHERE = Holder(1, host="elsewhere", pid=7, since="2026-01-01T00:00:00+00:00")


def commit(store: Store, stage: str, shard: int, config: RunConfig = CONFIG) -> None:
    body = encode_scores(np.arange(2), np.zeros(2, np.float32))
    path = scores_path(shard) if stage == "scores" else f"data/train-{shard:05d}-of-00003.parquet"
    commit_shard(store, stage=stage, shard=shard, path=path, body=body, rows=2, config_hash=config_hash(config))


def renewed(store: Store, when: str, progress: Mapping[str, Any]) -> None:
    holder = replace(ELSEWHERE, renewed=when, progress=progress)
    store.put(holder.key, canonical_json({**holder.__dict__}))


@pytest.fixture
def begun(store: Store) -> Store:
    """Two of three score shards (the first and the last, smaller one), one of three mask shards."""
    begin_run(store, CONFIG)
    for stage, shard in (("scores", 0), ("scores", 2), ("data", 1)):
        commit(store, stage, shard)
    return store


def test_samples_and_missing_shards_follow_from_the_listing(begun: Store) -> None:
    status = read_status(begun)
    label, mask = status.stages
    assert (label.done, label.total, label.shards, label.missing) == (6, 10, 3, (1,))
    assert (mask.done, mask.total, mask.shards, mask.missing) == (2, 5, 3, (0, 2))
    assert (status.boundary, status.report, status.complete) == (False, False, False)


def test_finished_stages_are_complete(begun: Store) -> None:
    for stage, shard in (("scores", 1), ("data", 0), ("data", 2)):
        commit(begun, stage, shard)
    begun.put("boundary/indoor_lighting.json", b"{}")
    begun.put("report/index.html", b"")
    status = read_status(begun)
    assert status.complete
    assert (status.boundary, status.report) == (True, True)
    assert [stage.done for stage in status.stages] == [10, 5]


def test_quarantined_units_are_named_by_their_last_line_until_they_are_made(begun: Store) -> None:
    trace = "Traceback (most recent call last):\n  File x\nValueError: bad latent\n"
    quarantine_shard(begun, "data", 0, {"attempts": 3, "traceback": trace})
    quarantine_shard(begun, "data", 1, {"attempts": 3, "traceback": trace})  # made since
    assert read_status(begun).stages[1].quarantined == {0: "3 attempts: ValueError: bad latent"}
    shown = [line for line in status_lines(read_status(begun)) if line.startswith("quarantined")]
    assert shown == ["quarantined: mask shard 0 after 3 attempts: ValueError: bad latent"]


def test_rate_and_time_left_are_those_of_a_driver_at_work(begun: Store) -> None:
    told = {"mask": {"rate": 1.5, "failures": 2, "idle_s": 4.0}}
    renewed(begun, "2999-01-01T00:00:00+00:00", told)
    status = read_status(begun)
    assert status.state == "running"
    assert (status.stages[1].rate, status.stages[1].eta_s, status.stages[1].failures) == (1.5, 2.0, 2)
    assert status.stages[0].rate is None
    text = "\n".join(status_lines(status))
    assert "1.5/s  2s left  2 failed attempts" in text
    assert "running: host elsewhere, pid 7" in text
    assert "last commit" in text


def test_a_driver_that_has_not_renewed_for_longer_than_its_lease_is_silent_and_gives_no_time_left(begun: Store) -> None:
    renewed(begun, "2001-01-01T00:00:00+00:00", {"mask": {"rate": 1.5, "failures": 0, "idle_s": 4.0}})
    status = read_status(begun)
    assert (status.state, status.stages[1].eta_s) == ("silent", None)
    assert "silent for" in "\n".join(status_lines(status))


def test_a_driver_is_seen_while_it_holds_the_lease_and_after_it_ended(begun: Store) -> None:
    assert read_status(begun).state == "none"
    with Lease(begun).held():
        assert read_status(begun).state == "running"
    status = read_status(begun)
    assert status.state == "ended"
    assert status.driver is not None
    assert status.driver.pid == os.getpid()


@pytest.fixture
def above(tmp_path: Path) -> Store:
    """A run of two attributes; its driver was last heard of in the year 2999, labelling for both."""
    settings = ["label.count=10", "label.shard_size=4", "mask.count=5", "mask.shard_size=2", "boundary.tails=2"]
    lists = ["attributes.warmth={scorer: {name: warmth, scale: quartiles}}", "attributes.luminance={}"]
    config = load_config(None, [f"output={tmp_path / 'both'}", *settings, *lists])
    store = open_store(config.output)
    begin_run(store, config)
    for each in members(config).values():
        begin_run(open_store(each.output), each)
    renewed(store, "2999-01-01T00:00:00+00:00", {"label": {"rate": 1.5, "failures": 1, "idle_s": 4.0}})
    return store


def test_a_driver_that_labels_for_several_attributes_is_seen_at_each(above: Store, higan_cam: Command) -> None:
    _, told, _ = higan_cam("status", above.uri)
    assert told.count("1.5/s  7s left  1 failed attempts") == 2
    assert told.count("driver  running: host elsewhere, pid 7") == 2
    _, told, _ = higan_cam("status", above.uri, "--json")
    assert [each["driver"]["state"] for each in json.loads(told)] == ["running", "running"]


def test_an_attributes_own_driver_goes_before_that_of_all(above: Store) -> None:
    one = open_store(f"{above.uri}/warmth")
    renewed(one, "2999-01-01T00:00:00+00:00", {"mask": {"rate": 2.5, "failures": 0, "idle_s": 1.0}})
    status = read_status(one, above)
    assert [stage.rate for stage in status.stages] == [None, 2.5]


def test_an_attribute_that_waits_for_the_driver_of_all_has_no_last_commit_of_its_stages(above: Store) -> None:
    one = open_store(f"{above.uri}/warmth")
    for shard in range(3):
        commit(one, "scores", shard, recorded_config(one))
    status = read_status(one, above)
    assert status.state == "running"
    assert [stage.idle_s for stage in status.stages] == [None, None]
    assert "last commit" not in "\n".join(status_lines(status))


def test_json_is_plain_and_counts(begun: Store) -> None:
    with Lease(begun).held():
        values = json.loads(json.dumps(read_status(begun).as_json()))
    assert values["stages"]["mask"]["missing"] == 2
    assert values["driver"]["state"] == "running"
    assert values["complete"] is False


def test_a_run_with_a_ready_boundary_needs_no_labels(store: Store) -> None:
    config = load_config(None, ["mask.count=2", "mask.shard_size=2", "boundary.weights=ready.npy"])
    begin_run(store, config)
    assert not read_status(store).complete
    commit(store, "data", 0, config)
    status = read_status(store)
    assert [stage.name for stage in status.stages] == ["mask"]
    assert status.complete


def test_larger_pictures_have_shards_of_their_own_size(store: Store) -> None:
    said = ["source.kind=pictures", "source.pictures=photos", "upscale.weights=m.safetensors"]
    begin_run(store, load_config(None, said), {"upscaler": "0" * 64})  # no listing yet, which would say how many
    (stage,) = read_status(store).stages
    assert (stage.name, stage.shards, stage.total) == ("upscale", 256, 1024)


PHOTOS = ("source.kind=pictures", "source.pictures=photos")


@pytest.mark.parametrize(
    ("said", "weights", "stages"),
    [
        ([], ("student", "bank"), ["recommend"]),
        (["light.gains=[1]"], ("student", "masks", "translator"), ["light"]),
        (["light.gains=[1]", "light.composer=pair"], ("places", "generator"), ["light"]),
        (["light.gains=[1]"], ("generator", "scorer", "student"), ["label", "invert", "mask"]),
    ],
)
def test_an_output_has_the_stages_of_the_command_that_began_it(
    store: Store, said: list[str], weights: tuple[str, ...], stages: list[str]
) -> None:
    """Also one of `light` whose light is drawn by a generator, and a run on pictures that asks a student, too."""
    begin_run(store, load_config(None, [*PHOTOS, *said]), dict.fromkeys(weights, "0" * 64))
    assert [stage.name for stage in read_status(store).stages] == stages
    assert listed_stage(store) == ({"recommend": PLACES, "light": LIGHTS}.get(stages[0]))


def test_of_a_refined_run_pilot_and_student_are_told_too(store: Store) -> None:
    settings = ["label.count=10", "label.shard_size=4", "mask.count=5", "mask.shard_size=2", "boundary.tails=2"]
    config = load_config(None, [*settings, "mask.refine=student", "mask.pilot=6"])
    begin_run(store, config)
    for shard in (0, 2):
        body = encode_scores(np.arange(2), np.zeros(2, np.float32))
        path = pilot_path(shard)
        commit_shard(store, stage="pilot", shard=shard, path=path, body=body, rows=2, config_hash=config_hash(config))
    status = read_status(store)
    assert [(stage.name, stage.done, stage.total) for stage in status.stages] == [
        ("label", 0, 10),
        ("pilot", 4, 6),
        ("mask", 0, 5),
    ]
    assert [line.split()[0] for line in status_lines(status)][:6] == ["run", "label", "fit", "pilot", "student", "mask"]
    assert "student to do" in list(status_lines(status))
    assert "pilot: 1 of 3 shards are missing: 1" in list(unfinished_lines(status))
    record_student(store, "a" * 64)
    assert read_status(store).as_json()["student"] is True


def test_a_configuration_of_another_version_is_refused_and_named(begun: Store) -> None:
    run = json.loads(begun.get("run.json"))
    run["config"]["mask"]["unheard_of"] = 1
    begun.put("run.json", json.dumps(run).encode())
    with pytest.raises(StoreError, match=r"unheard_of.*use that version"):
        read_status(begun)
    del run["config"]["mask"]["unheard_of"]
    del run["config"]["mask"]["shard_size"]
    begun.put("run.json", json.dumps(run).encode())
    with pytest.raises(StoreError, match="hash"):
        recorded_config(begun)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0s"), (95, "1m35s"), (3_660, "1h01m"), (90_000, "1d01h"), (float("inf"), "an unknown time")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_missing_shards_are_named_in_spans(begun: Store) -> None:
    assert list(unfinished_lines(read_status(begun)))[1] == "mask: 2 of 3 shards are missing: 0, 2"
    assert format_spans((1, 2, 3, 7), ", ") == "1-3, 7"
    assert format_spans(range(0, 40, 2), ", ", most=2) == "0, 2, …"
