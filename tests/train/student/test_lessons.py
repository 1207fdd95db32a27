"""What is read off a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from higan_cam.config import config_hash, parse_config
from higan_cam.errors import ConfigError, DataError, StoreError
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.images import decode_image, encode_image
from higan_cam.store.keys import shard_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store
from higan_cam.train.student.lessons import (
    Lesson,
    attribute_of,
    fingerprint,
    lesson_of,
    mean_heat,
    png_size,
    read_all,
    read_lessons,
)
from tests.train.inpaint.planted import SHARD_SIZE, SIDE, planted_sample


def run_of(folder: Path, **config: object) -> Store:
    """A run of one shard of training, of planted samples 3 and 4."""
    store = open_store(folder)
    parsed = parse_config({"mask": {"count": 2, "shard_size": 2}, **config})
    begin_run(store, parsed)
    body = encode_shard([planted_sample(3), planted_sample(4)])
    path = shard_path("train", 0, 1)
    commit_shard(store, stage="data", shard=0, path=path, body=body, rows=2, config_hash=config_hash(parsed))
    return store


def test_every_sample_with_a_mask_is_a_lesson_of_three_pictures(lessons: list[Lesson]) -> None:
    assert len(lessons) == 3 * SHARD_SIZE - 1  # sample 4 has none
    sample = planted_sample(0)
    for body, picture in zip(lessons[0].pictures, (sample.original, sample.negative, sample.image), strict=True):
        np.testing.assert_array_equal(decode_image(body), picture)


def test_heat_and_mask_are_averaged_down_to_the_maps_side(lessons: list[Lesson]) -> None:
    sample = planted_sample(0)
    heat = sample.heat.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(lessons[0].heat / 255, heat, atol=0.003)
    mask = (sample.mask / 255).reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(lessons[0].mask / 255, mask, atol=0.003)


def test_pictures_of_another_size_are_resized(planted: Store) -> None:
    larger = read_lessons(planted, "train", 2 * SIDE)[0]
    assert {png_size(body) for body in larger.pictures} == {(2 * SIDE, 2 * SIDE)}
    assert larger.heat.shape == (SIDE, SIDE)


def test_several_runs_come_one_after_the_other(planted: Store, tmp_path: Path) -> None:
    other = run_of(tmp_path / "other")
    both = read_all([planted, other], "train", SIDE)
    assert len(both) == len(read_lessons(planted, "train", SIDE)) + 1
    assert fingerprint([planted, other]) != fingerprint([other, planted])


def test_a_split_without_masks_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="validation split"):
        read_lessons(run_of(tmp_path / "one"), "validation", SIDE)


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run"):
        read_lessons(open_store(tmp_path), "train", SIDE)


def test_runs_of_different_attributes_do_not_go_together(planted: Store, tmp_path: Path) -> None:
    assert attribute_of([planted]) == "indoor_lighting"
    with pytest.raises(ConfigError, match=r"warmth.*train a student for each"):
        attribute_of([planted, run_of(tmp_path / "warm", attribute="warmth")])


def test_mean_heat_is_the_mean_of_the_lessons() -> None:
    one, two = (lesson_of([], np.full((4, 4), value, np.float32), np.zeros((4, 4), np.float32), 8) for value in (0, 1))
    np.testing.assert_allclose(mean_heat([one, two]), 0.5)


def test_a_pngs_size_is_read_off_its_head() -> None:
    assert png_size(encode_image(np.zeros((5, 9, 3), np.uint8))) == (9, 5)
    with pytest.raises(ValueError, match="not a PNG"):
        png_size(b"\xff\xd8\xff")
