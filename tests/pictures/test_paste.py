"""Pasting a change into a photo: exact where it must not show, in linear light where it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.losses.light import linear_rgb
from higan_cam.pictures.fitting import Affine
from higan_cam.pictures.paste import displayed, feathered, linear, paste_change
from higan_cam.types import ByteArray

SIZE, SIDE = (90, 120), 32
WHOLE = Affine(90 / SIDE, 15 + (90 / SIDE - 1) / 2, (90 / SIDE - 1) / 2, SIZE, SIDE)


def _picture(seed: int = 0) -> ByteArray:
    return np.random.Generator(np.random.Philox(seed)).integers(0, 256, (*SIZE, 3), np.uint8)


def _square(level: int) -> ByteArray:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def test_every_level_survives_linear_light() -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(displayed(linear(levels)), levels)


def test_linear_light_is_that_of_the_losses() -> None:
    levels = np.arange(256, dtype=np.uint8)
    theirs = linear_rgb(torch.from_numpy(levels).double() / 127.5 - 1)
    np.testing.assert_allclose(linear(levels), theirs, rtol=1e-12, atol=1e-15)


@given(st.integers(0, 80), st.integers(0, 110), st.integers(1, 30), st.integers(0, 255), st.integers(0, 255))
def test_outside_of_the_feather_every_byte_is_the_pictures(
    top: int, left: int, side: int, before: int, after: int
) -> None:
    picture, mask = _picture(), np.zeros(SIZE, np.uint8)
    mask[top : top + side, left : left + side] = 255
    result = paste_change(picture, mask, _square(before), _square(after), WHOLE)
    outside = feathered(mask, 0.02 * SIDE * WHOLE.scale) == 0
    assert outside.any()
    np.testing.assert_array_equal(result[outside], picture[outside])


def test_no_change_leaves_the_picture_as_it_is() -> None:
    picture = _picture()
    mask = np.full(SIZE, 255, np.uint8)
    np.testing.assert_array_equal(paste_change(picture, mask, _square(90), _square(90), WHOLE), picture)


def test_empty_mask_leaves_the_picture_as_it_is() -> None:
    picture = _picture()
    np.testing.assert_array_equal(
        paste_change(picture, np.zeros(SIZE, np.uint8), _square(0), _square(255), WHOLE), picture
    )


def test_light_adds_up_in_linear_units() -> None:
    picture = np.full((*SIZE, 3), 100, np.uint8)
    mask = np.zeros(SIZE, np.uint8)
    mask[30:60, 40:80] = 255
    result = paste_change(picture, mask, _square(50), _square(150), WHOLE)
    before, after, there = (float(linear(np.array(level, np.uint8))) for level in (50, 150, 100))
    expected = displayed(np.array(there + after - before))
    assert result[45, 60].tolist() == pytest.approx([int(expected)] * 3, abs=1)


def test_taking_light_away_never_wraps() -> None:
    picture = np.full((*SIZE, 3), 5, np.uint8)
    mask = np.full(SIZE, 255, np.uint8)
    assert paste_change(picture, mask, _square(255), _square(0), WHOLE).max() <= 5


def test_feather_falls_from_one_to_nothing() -> None:
    mask = np.zeros((1, 41), np.uint8)
    mask[0, :11] = 255
    weight = feathered(mask, 10)[0]
    assert (weight[:11] == 1).all()
    assert (np.diff(weight[10:21]) < 0).all()
    assert (weight[20:] == 0).all()
