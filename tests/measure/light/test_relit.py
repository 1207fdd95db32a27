"""What is measured of relit rooms: the renderer's own curve makes it exact, sRGB does not, and both are told apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from higan_cam.measure.light.relit import LitRoom, lit_rooms, measure_relit, psnr
from higan_cam.relight import RESPONSES
from higan_cam.rooms.photos import TUNING_SEED, photo
from higan_cam.types import ByteArray


@pytest.fixture(scope="module")
def room() -> LitRoom:
    return next(lit_rooms(TUNING_SEED, 1, size=64))


def test_lamps_at_their_own_strength_are_the_render() -> None:
    first = next(lit_rooms(TUNING_SEED, 1, size=64))
    indices = [
        index for index in range(20) if np.array_equal(first.every(1), photo(TUNING_SEED, index, "G1", size=64).image)
    ]
    assert len(indices) == 1


def test_more_gain_is_nowhere_darker(room: LitRoom) -> None:
    pictures: list[ByteArray] = [room.every(gain) for gain in (0.0, 0.5, 1.0, 2.0)]
    assert all((less <= more).all() for less, more in pairwise(pictures))


def test_brightness_and_colour_are_the_renderers_where_its_curve_is_known() -> None:
    known, plain = (measure_relit(RESPONSES[name], 2, TUNING_SEED) for name in ("film", "srgb"))
    assert known.figures["slope"].value == pytest.approx(1, abs=0.03)
    assert known.figures["temperature"].value < 5
    assert plain.figures["slope"].value < 0.95
    assert known.figures["psnr"].value > plain.figures["psnr"].value > plain.figures["published"].value


def test_equal_pictures_have_a_finite_figure() -> None:
    assert psnr(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)) == 99
    assert psnr(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)) == 0
