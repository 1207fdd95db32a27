"""A user's pictures and masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from higan_cam.errors import ConfigError
from higan_cam.publish.images import decode_image
from higan_cam.train.student.labelled import find_labelled, labelled_fingerprint, read_labelled
from tests.train.inpaint.planted import SIDE, planted_sample


@pytest.fixture
def mine(labelled: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(labelled, tmp_path / "mine"))


def test_pictures_find_their_masks_by_name(labelled: Path) -> None:
    lessons = read_labelled(labelled, SIDE)
    assert len(lessons) == 4
    for index, lesson in enumerate(lessons):
        sample = planted_sample(index)
        np.testing.assert_array_equal(decode_image(lesson.pictures[0]), sample.image)
        share = (sample.mask / 255).reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(lesson.mask / 255, share, atol=0.003)
        np.testing.assert_array_equal(lesson.heat, lesson.mask)


def test_a_jpeg_goes_with_a_png_and_a_smaller_mask_of_the_same_shape(mine: Path) -> None:
    picture = planted_sample(1).image
    cv2.imwrite(str(mine / "images" / "photo.jpg"), np.kron(picture, np.ones((4, 6, 1), np.uint8)))
    cv2.imwrite(str(mine / "masks" / "photo.png"), np.kron(planted_sample(1).mask, np.ones((2, 3), np.uint8)))
    photo = read_labelled(mine, SIDE)[0]
    np.testing.assert_array_equal(photo.mask, read_labelled(mine, SIDE)[2].mask)


def test_pictures_without_masks_and_masks_without_pictures_are_listed(mine: Path) -> None:
    (mine / "masks" / "room1.png").unlink()
    (mine / "images" / "room2.png").unlink()
    with pytest.raises(ConfigError, match=r"room1\.png: no mask\n.*room2\.png: no picture"):
        find_labelled(mine)


def test_files_that_are_no_pictures_are_listed(mine: Path) -> None:
    body = (mine / "images" / "room0.png").read_bytes()
    (mine / "images" / "room0.png").write_bytes(body[: len(body) // 2])
    (mine / "masks" / "room3.png").write_text("a mask")
    with pytest.raises(ConfigError, match=r"images/room0\.png: (.|\n)*masks/room3\.png: "):
        find_labelled(mine)


def test_a_mask_of_another_shape_is_refused(mine: Path) -> None:
    cv2.imwrite(str(mine / "masks" / "room0.png"), np.zeros((SIDE, 2 * SIDE), np.uint8))
    with pytest.raises(ConfigError, match=r"32 x 16 px does not have the shape of room0\.png, 16 x 16 px"):
        read_labelled(mine, SIDE)


def test_a_name_that_is_there_twice_is_refused(mine: Path) -> None:
    shutil.copy(mine / "images" / "room0.png", mine / "images" / "room0.bmp")
    with pytest.raises(ConfigError, match="twice"):
        find_labelled(mine)


def test_a_folder_without_the_two_is_refused_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="images and masks"):
        find_labelled(tmp_path)
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    with pytest.raises(ConfigError, match=r"masks/NAME\.png"):
        find_labelled(tmp_path)


def test_the_fingerprint_follows_names_and_bytes_and_not_the_place(labelled: Path, mine: Path) -> None:
    assert labelled_fingerprint(mine) == labelled_fingerprint(labelled)
    cv2.imwrite(str(mine / "masks" / "room0.png"), np.zeros((SIDE, SIDE), np.uint8))
    assert labelled_fingerprint(mine) != labelled_fingerprint(labelled)
