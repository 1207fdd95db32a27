"""Training a student on a tiny scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.mask.student import Student
from higan_cam.store.store import Store
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.settings import Progress, World
from higan_cam.train.student.agreement import agreement
from higan_cam.train.student.batches import Course, draw_batch
from higan_cam.train.student.fit import DICE_WEIGHT, MASK_WEIGHT, fit_student, start, student_loss, take_step
from higan_cam.train.student.lessons import Lesson, read_lessons
from higan_cam.train.student.settings import StudentSettings
from tests.train.inpaint.planted import SIDE

Settings = Callable[..., StudentSettings]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def stop_after_a_checkpoint(settings: StudentSettings, state: dict[str, Any]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


def test_resuming_gives_the_same_weights(
    small: Settings, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"labelled": str(labelled), "precision": "bfloat16"}
    whole = fit_student(small(output=str(tmp_path / "whole"), **settings), ignore).state_dict()
    cut = small(output=str(tmp_path / "cut"), **settings)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop_after_a_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            fit_student(cut, ignore)
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 2
    resumed = fit_student(cut, ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_a_checkpoint_of_other_lessons_is_refused_and_one_of_a_moved_dataset_is_not(
    small: Settings, planted: Store
) -> None:
    fit_student(small(steps=2, lessons="one"), ignore)
    with pytest.raises(ConfigError, match="lessons"):
        fit_student(small(steps=2, lessons="two"), ignore)
    fit_student(small(steps=2, lessons="one", datasets=("memory://elsewhere/run",)), ignore)


def test_a_step_computes_on_the_device_of_its_world(small: Settings, lessons: list[Lesson]) -> None:
    """On the device without numbers, where an operation with a tensor of another device fails."""
    settings, world = small(), World(device="meta")
    learner = start(settings, world.device)
    assert take_step(settings, learner, draw_batch(Course(lessons), settings, 0), world).device.type == "meta"


def test_the_loss_of_a_sure_right_answer_is_nothing_and_of_a_sure_wrong_one_is_large() -> None:
    target = torch.zeros(2, 8, 8)
    target[:, 2:5, 2:5] = 1
    sure = 40 * (target[:, None].repeat(1, 2, 1, 1) - 0.5)
    assert float(student_loss(sure, target, target)) == pytest.approx(0, abs=1e-6)
    assert float(student_loss(-sure, target, target)) > 20 * (1 + MASK_WEIGHT)


def test_an_undecided_answer_costs_a_bit_for_every_pixel() -> None:
    target = torch.zeros(1, 8, 8)
    target[:, :4] = 1
    loss = float(student_loss(torch.zeros(1, 2, 8, 8), target, target))
    dice = 1 - (2 * 16 + 1) / (32 + 32 + 1)
    assert loss == pytest.approx((1 + MASK_WEIGHT) * float(torch.tensor(2.0).log()) + DICE_WEIGHT * dice, rel=1e-5)


@pytest.mark.slow
def test_it_learns_where_the_squares_are(small: Settings, planted: Store) -> None:
    settings = small(steps=150, batch=16, channels=(8, 16), checkpoint_every=150, learning_rate=1e-2, positive=0.6)
    student = Student(fit_student(settings, ignore).for_inference(), SIDE)
    figures = agreement(student, read_lessons(planted, "test", SIDE))
    assert figures["image"]["average precision"]["value"] > 0.9
    assert figures["negative"]["average precision"]["value"] < 0.7  # the dark end shows no square
