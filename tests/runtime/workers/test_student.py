"""A refined run's student comes from the run's own store, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from higan_cam.config import RunConfig, parse_config
from higan_cam.errors import ConfigError, DataError, StoreError
from higan_cam.mask import LightChange
from higan_cam.mask.student import StudentNetwork, encode_student
from higan_cam.mask.student.attribution import StudentHeat
from higan_cam.pipeline import Models, attribution_for
from higan_cam.runtime.stages.refine import settle_student
from higan_cam.runtime.workers.student import read_student, with_own_student
from higan_cam.store.canonical import digest
from higan_cam.store.keys import STUDENT_KEY
from higan_cam.store.run import begin_run, record_student, recorded_student
from higan_cam.store.store import Store, open_store
from higan_cam.types import Edit
from tests.support.tiny_generator import TinyGenerator

REFINED = parse_config({"mask": {"refine": "student"}})
EDIT = Edit(3.0, (0,), (1.0,) * 4)


def body_of(seed: int) -> bytes:
    torch.manual_seed(seed)
    return encode_student(StudentNetwork((4, 6)), 16, "indoor_lighting")


@pytest.fixture
def run(tmp_path: Path) -> Store:
    """A refined run without a student."""
    store = open_store(tmp_path / "run")
    begin_run(store, REFINED)
    return store


@pytest.fixture
def models() -> Models:
    """A tiny generator; no scorer is asked here."""
    return Models(TinyGenerator(), None, torch.device("cpu"))  # type: ignore[arg-type]


def test_a_student_in_the_store_counts_once_its_digest_is_written_down(run: Store) -> None:
    run.put(STUDENT_KEY, body_of(1))
    assert read_student(run) is None
    settle_student(REFINED, run, learn=None)
    assert recorded_student(run) == digest(body_of(1))
    student = read_student(run)
    assert student is not None
    assert student.side == 16


def test_without_a_trainer_a_run_without_a_student_is_told_what_brings_one(run: Store) -> None:
    with pytest.raises(ConfigError, match="higan-cam run"):
        settle_student(REFINED, run, learn=None)


@pytest.mark.parametrize("body", [None, body_of(2)])
def test_a_student_that_is_gone_or_another_is_refused(body: bytes | None, run: Store) -> None:
    record_student(run, digest(body_of(1)))
    if body is not None:
        run.put(STUDENT_KEY, body)
        with pytest.raises(StoreError, match="masked with"):
            settle_student(REFINED, run, learn=None)
    with pytest.raises(StoreError, match="restore it"):
        read_student(run)


def test_refined_masks_are_the_students_and_those_of_the_pilot_are_not(run: Store, models: Models) -> None:
    with pytest.raises(DataError, match="student is not there"):
        attribution_for(with_own_student(models, REFINED, run), REFINED, EDIT)
    run.put(STUDENT_KEY, body_of(1))
    settle_student(REFINED, run, learn=None)
    refined = with_own_student(models, REFINED, run)
    assert isinstance(attribution_for(refined, REFINED, EDIT), StudentHeat)
    assert isinstance(attribution_for(refined, REFINED.unrefined, EDIT), LightChange)
    assert with_own_student(models, RunConfig(), run).student is None
