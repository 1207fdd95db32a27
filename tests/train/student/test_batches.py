"""What a step sees: the right ends, moved with their answers, the same whoever draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.publish.images import encode_image
from higan_cam.train.settings import World
from higan_cam.train.student.batches import (
    LUMINANCE,
    STRONGEST,
    Batch,
    Course,
    _lessons,
    colour_matrix,
    draw_batch,
    example,
    recoloured,
)
from higan_cam.train.student.labelled import read_labelled
from higan_cam.train.student.lessons import Lesson
from higan_cam.train.student.settings import StudentSettings
from tests.train.inpaint.planted import SIDE

Settings = Callable[..., StudentSettings]


def grey_lesson(*levels: int, side: int = 64) -> Lesson:
    """Pictures of one grey each, with a square of heat and mask in the middle."""
    answer = np.zeros((side // 2, side // 2), np.uint8)
    answer[side // 8 : side // 4, side // 8 : side // 4] = 255
    bodies = tuple(encode_image(np.full((side, side, 3), level, np.uint8)) for level in levels)
    return Lesson(bodies, answer, answer)


def test_a_batch_has_pictures_heat_and_masks_in_range(small: Settings, lessons: list[Lesson]) -> None:
    batch = draw_batch(Course(lessons), small(), 0)
    assert batch.images.shape == (4, 3, SIDE, SIDE)
    assert batch.heat.shape == batch.mask.shape == (4, SIDE // 2, SIDE // 2)
    assert -1 <= float(batch.images.min()) <= float(batch.images.max()) <= 1
    for answer in (batch.heat, batch.mask):
        assert 0 <= float(answer.min()) <= float(answer.max()) <= 1


def test_a_step_is_the_same_whoever_draws_it_and_differs_from_others(small: Settings, lessons: list[Lesson]) -> None:
    course, settings = Course(lessons), small()
    whole = draw_batch(course, settings, 5)
    halves = [draw_batch(course, settings, 5, World(rank, 2)) for rank in range(2)]
    assert torch.equal(torch.cat([half.images for half in halves]), whole.images)
    assert torch.equal(torch.cat([half.mask for half in halves]), whole.mask)
    assert not torch.equal(draw_batch(course, settings, 6).images, whole.images)
    assert not torch.equal(draw_batch(course, small(seed=1), 5).images, whole.images)


def test_a_batch_that_does_not_divide_by_the_workers_is_refused(small: Settings, lessons: list[Lesson]) -> None:
    with pytest.raises(ConfigError, match="does not divide"):
        draw_batch(Course(lessons), small(), 0, World(0, 3))


def test_ends_come_in_their_shares(small: Settings) -> None:
    """Told apart by their greys, which no camera here brings near each other."""
    lesson, settings = grey_lesson(128, 20, 250), small(side=64, channels=(4, 6), recolour=0)
    means = [float(example(lesson, settings, place)[0].mean()) for place in range(400)]
    counts = Counter(int(np.digitize(mean, [60, 190])) for mean in means)
    assert counts[0] / 400 == pytest.approx(0.35, abs=0.07)
    assert counts[1] / 400 == pytest.approx(0.5, abs=0.07)
    assert counts[2] / 400 == pytest.approx(0.15, abs=0.07)


def test_every_lesson_comes_once_before_any_comes_twice(small: Settings) -> None:
    lessons = [grey_lesson(level, side=16) for level in (0, 60, 120, 250)]
    batches = [draw_batch(Course(lessons), small(batch=4, recolour=0), step) for step in range(6)]
    for batch in batches:
        assert len({int(np.digitize(float(each.mean()), [-0.85, -0.32, 0.4])) for each in batch.images}) == 4
    order = [[int(np.digitize(float(each.mean()), [-0.85, -0.32, 0.4])) for each in batch.images] for batch in batches]
    assert len({tuple(each) for each in order}) > 1


def test_answers_move_with_their_pictures(small: Settings) -> None:
    """The mask of a bright square, found in the picture by its brightness, lies where the moved mask says."""
    picture = np.full((64, 64, 3), 30, np.uint8)
    picture[16:32, 16:32] = 230
    answer = np.zeros((32, 32), np.uint8)
    answer[8:16, 8:16] = 255
    settings = small(side=64, recolour=0)
    for place in range(20):
        shown, heat, mask = example(Lesson((encode_image(picture),), answer, answer), settings, place)
        np.testing.assert_array_equal(heat, mask)
        bright = shown.mean(axis=2).reshape(32, 2, 32, 2).mean(axis=(1, 3)) > 115
        both, either = (bright & (mask > 0.5)).sum(), (bright | (mask > 0.5)).sum()
        assert both / either > 0.75


def test_labelled_pictures_have_their_share_of_every_batch(
    small: Settings, lessons: list[Lesson], labelled: Path
) -> None:
    mine = read_labelled(labelled, SIDE)
    known = [lesson.mask.tobytes() for lesson in mine]
    settings = small(batch=8, labelled_share=0.25)
    for step in range(3):
        drawn = list(_lessons(Course(lessons, mine), settings, step, range(8)))
        places = [place for place, lesson in enumerate(drawn) if len(lesson.pictures) == 1]
        assert places == [3, 7]
        assert all(drawn[place].mask.tobytes() in known for place in places)


def test_labelled_pictures_alone_fill_the_batch(small: Settings, labelled: Path) -> None:
    batch: Batch = draw_batch(Course((), read_labelled(labelled, SIDE)), small(datasets=(), labelled="mine"), 0)
    assert len(batch.images) == 4


def test_recolouring_keeps_greys_and_luminance() -> None:
    source = np.random.default_rng(0)
    for _ in range(20):
        matrix = colour_matrix(source)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(LUMINANCE @ matrix, LUMINANCE, atol=1e-5)


def test_recolouring_turns_hues_far_and_stays_in_range() -> None:
    source, colour = np.random.default_rng(1), np.array([[[0.5, 0.4, 0.3]]], np.float32)
    others = np.concatenate([recoloured(colour, colour_matrix(source)) for _ in range(200)])[:, 0]
    assert others.min() >= 0
    assert others.max() <= 1
    leading = others.argmax(axis=1)
    assert all((leading == channel).mean() > 0.15 for channel in range(3))
    assert np.abs(others - others.mean(axis=1, keepdims=True)).max() < STRONGEST
