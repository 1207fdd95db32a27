"""The window around a mask: all of the mask, the model's aspect, no enlargement without need, and back to the byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.relight.composers.windows import Window, fading_inside, resized, window_around
from higan_cam.types import ByteArray

SIDES = st.integers(1, 40)


@st.composite
def masks(draw: st.DrawFn) -> ByteArray:
    """(H,W) with a box of 255 in it."""
    height, width = draw(SIDES), draw(SIDES)
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    mask = np.zeros((height, width), np.uint8)
    mask[top : draw(st.integers(top + 1, height)), left : draw(st.integers(left + 1, width))] = 255
    return mask


@given(masks(), st.tuples(SIDES, SIDES), st.floats(0, 2))
def test_the_window_holds_the_mask_in_the_models_aspect(mask: ByteArray, size: tuple[int, int], margin: float) -> None:
    window = window_around(mask, size, margin)
    rows, columns = np.nonzero(mask)
    assert window.top <= rows.min() <= rows.max() < window.top + window.height
    assert window.left <= columns.min() <= columns.max() < window.left + window.width
    scale = max(window.height / size[0], window.width / size[1])
    assert size[0] * scale == pytest.approx(window.height, abs=1.01 * max(1, size[0] / size[1]))
    assert size[1] * scale == pytest.approx(window.width, abs=1.01 * max(1, size[1] / size[0]))


@given(masks(), st.tuples(SIDES, SIDES))
def test_a_window_that_fits_the_picture_lies_in_it(mask: ByteArray, size: tuple[int, int]) -> None:
    window = window_around(mask, size, 0.5)
    for start, length, most in ((window.top, window.height, mask.shape[0]), (window.left, window.width, mask.shape[1])):
        assert length > most or 0 <= start <= most - length


def test_a_small_mask_is_not_enlarged() -> None:
    mask = np.zeros((200, 300), np.uint8)
    mask[100:104, 150:154] = 255
    assert window_around(mask, (64, 64), 0.5) == Window(70, 120, 64, 64)


def test_a_large_mask_has_its_margin() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[150:250, 150:250] = 255
    assert window_around(mask, (64, 64), 0.5) == Window(100, 100, 200, 200)


@given(masks(), st.tuples(SIDES, SIDES), st.integers(0, 2**32 - 1))
def test_putting_back_what_was_seen_at_the_windows_size_changes_nothing(
    mask: ByteArray, size: tuple[int, int], seed: int
) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (*mask.shape, 3), np.uint8)
    window = window_around(mask, size, 0.5)
    seen = window.seen(picture, (window.height, window.width))
    np.testing.assert_array_equal(window.over(seen, picture), picture)
    white = window.over(np.full_like(seen, 255), picture)
    assert (white[mask > 0] == 255).all()


@given(masks())
def test_the_weight_is_nothing_outside_of_the_mask_and_whole_somewhere_inside(mask: ByteArray) -> None:
    weight = fading_inside(mask)
    assert not weight[mask == 0].any()
    assert (weight[mask > 0] >= 0).all()
    assert weight.max() == 1


def test_a_picture_shrunk_and_enlarged_keeps_its_mean() -> None:
    picture = np.full((30, 20, 3), 77, np.uint8)
    assert (resized(picture, (7, 9)) == 77).all()
    assert resized(picture, (60, 41)).shape == (60, 41, 3)
