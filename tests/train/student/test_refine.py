"""A refined run's student learns from the committed pilot, the same every time, and not from what is held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.errors import DataError
from higan_cam.mask.student import decode_student
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.splits import held_out_of_pilot
from higan_cam.store.keys import PILOT, pilot_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store
from higan_cam.train.student.refine import learn, pilot_lessons, settings_of
from higan_cam.train.student.settings import StudentSettings
from higan_cam.types import Sample
from tests.train.inpaint.planted import SHARD_SIZE, SHARDS, SIDE, planted_sample


def write_pilot(folder: Path, changed: Callable[[Sample], Sample] = lambda sample: sample) -> RunConfig:
    """A refined run of which only the planted pilot is there."""
    of_mask = {"count": 6, "shard_size": SHARD_SIZE, "refine": "student", "pilot": SHARDS * SHARD_SIZE}
    config = parse_config({"output": str(folder), "mask": {**of_mask, "pilot_steps": 1}})
    store = open_store(config.output)
    begin_run(store, config)
    for shard in range(SHARDS):
        samples = [changed(planted_sample(shard * SHARD_SIZE + place)) for place in range(SHARD_SIZE)]
        commit_shard(
            store,
            stage=PILOT,
            shard=shard,
            path=pilot_path(shard),
            body=encode_shard(samples),
            rows=SHARD_SIZE,
            config_hash=config_hash(config),
        )
    return config


def inverted(sample: Sample) -> Sample:
    return replace(sample, mask=255 - sample.mask)


def held_out(sample: Sample) -> bool:
    return sample.index // SHARD_SIZE in held_out_of_pilot(SHARDS)


def lessons(config: RunConfig) -> int:
    store: Store = open_store(config.output)
    return len(pilot_lessons(config, store, SIDE))


@pytest.mark.slow
def test_the_same_pilot_gives_the_same_student_whatever_is_held_out(tmp_path: Path) -> None:
    """Three trainings of one step; only the masks of learned samples decide."""
    first = write_pilot(tmp_path / "first")
    other = write_pilot(
        tmp_path / "other", lambda sample: replace(sample, mask=255 - sample.mask) if held_out(sample) else sample
    )
    taught = write_pilot(tmp_path / "taught", lambda sample: replace(sample, mask=255 - sample.mask))
    bodies = [learn(config, "cpu") for config in (first, other, taught)]
    assert bodies[0] == bodies[1] != bodies[2]
    assert decode_student(bodies[0], "it").attribute == first.attribute
    assert not list((tmp_path / "first").rglob("checkpoint*")), "nothing is left in the run"


def test_what_is_held_out_and_what_has_no_mask_is_not_learned_from(tmp_path: Path) -> None:
    assert lessons(write_pilot(tmp_path / "run")) == (SHARDS - 1) * SHARD_SIZE - 1  # sample 4 is empty


def test_a_pilot_without_a_mask_is_told(tmp_path: Path) -> None:
    config = write_pilot(tmp_path / "run", lambda sample: replace(sample, status="empty"))
    with pytest.raises(DataError, match="no sample of the pilot has a mask"):
        lessons(config)


def test_it_is_shown_what_any_student_is(tmp_path: Path) -> None:
    told = settings_of(write_pilot(tmp_path / "run"))
    plain = StudentSettings(output="", datasets=told.datasets, attribute=told.attribute)
    alike = replace(told, steps=plain.steps, checkpoint_every=plain.checkpoint_every, precision=plain.precision)
    assert alike == plain
    assert told.precision == "float32"
