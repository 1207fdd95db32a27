"""Light turned up, down, off, warmer: exactly the pair's pictures at its ends, nothing elsewhere."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from higan_cam.relight import RESPONSES, Dial, Light, Response, light_layer, light_of_pair, planck_rgb, relight
from higan_cam.types import ByteArray, FloatArray

PICTURES = st_np.arrays(np.uint8, (6, 5, 3))
CURVES = st.sampled_from(sorted(RESPONSES.values(), key=lambda each: each.name))


def brightened(before: ByteArray, by: ByteArray) -> ByteArray:
    return np.clip(before.astype(int) + by, 0, 255).astype(np.uint8)


@given(CURVES)
def test_every_level_comes_back_from_its_light(response: Response) -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(response.display(response.light(levels)), levels)
    assert (np.diff(response.halves) > 0).all()


def test_srgb_is_the_curve_with_which_edits_are_pasted() -> None:
    from higan_cam.pictures.paste import displayed, linear

    levels, response = np.arange(256, dtype=np.uint8), RESPONSES["srgb"]
    np.testing.assert_allclose(response.light(levels), linear(levels), rtol=1e-12)
    light = np.linspace(-0.1, 1.2, 10_001)
    np.testing.assert_array_equal(response.display(light), displayed(light))


@given(PICTURES, PICTURES, CURVES)
def test_both_ends_of_a_pair_come_out_to_the_byte(before: ByteArray, by: ByteArray, response: Response) -> None:
    after = brightened(before, by)
    light = light_of_pair(before, after, response)
    np.testing.assert_array_equal(relight(before, [light], [Dial()]), after)
    np.testing.assert_array_equal(relight(before, [light], [Dial(0)]), before)
    np.testing.assert_array_equal(relight(after, [light], [Dial()], burning=True), after)
    np.testing.assert_array_equal(relight(after, [light], [Dial(0)], burning=True), before)


@given(PICTURES, PICTURES, CURVES, st.floats(0, 2), st.floats(0, 2))
def test_more_gain_is_nowhere_darker(
    before: ByteArray, by: ByteArray, response: Response, first: float, second: float
) -> None:
    light = light_of_pair(before, brightened(before, by), response)
    less, more = (relight(before, [light], [Dial(gain)]) for gain in sorted((first, second)))
    assert (less <= more).all()


@given(PICTURES, PICTURES, st.floats(0, 2), st.floats(1800, 8000))
def test_nothing_changes_where_the_weight_is_nothing(
    picture: ByteArray, by: ByteArray, gain: float, kelvin: float
) -> None:
    light = light_of_pair(picture, brightened(picture, by))
    weight = np.zeros(picture.shape[:2], np.float32)
    weight[:3] = 1
    made = relight(picture, [light], [Dial(gain, kelvin)], weight=weight)
    np.testing.assert_array_equal(made[3:], picture[3:])


def test_what_gets_darker_is_no_light() -> None:
    assert not light_layer(np.full((2, 2, 3), 200, np.uint8), np.full((2, 2, 3), 100, np.uint8)).any()


def test_lights_add_up() -> None:
    picture = np.full((2, 2, 3), 90, np.uint8)
    one, two = (Light(np.full((2, 2, 3), value, np.float32), 4000.0) for value in (0.1, 0.2))
    both = Light(one.layer + two.layer, 4000.0)
    np.testing.assert_array_equal(relight(picture, [one, two], [Dial()] * 2), relight(picture, [both], [Dial()]))


def test_warmer_is_redder_at_the_same_luminance() -> None:
    picture = np.full((2, 2, 3), 60, np.uint8)
    light = Light(np.full((2, 2, 3), 0.1, np.float32) * planck_rgb(4000).astype(np.float32), 4000.0)
    own, warm = (relight(picture, [light], [Dial(1, kelvin)])[0, 0].astype(int) for kelvin in (None, 2500.0))
    assert warm[0] > own[0]
    assert warm[2] < own[2]
    shares = RESPONSES["srgb"].light(np.array([own, warm], np.uint8)) @ np.array([0.2126, 0.7152, 0.0722])
    assert shares[1] == pytest.approx(shares[0], rel=0.02)


@pytest.mark.parametrize("kelvin", [2200, 2700, 4000, 6500])
def test_a_lamps_temperature_is_told_apart_from_the_colours_of_things(kelvin: int) -> None:
    rng = np.random.default_rng(np.random.Philox(key=kelvin))
    albedo = rng.uniform(0.2, 0.9, (40, 40, 3))
    response = RESPONSES["srgb"]
    before = response.display(albedo * 0.2)
    after = response.display(albedo * (0.2 + 0.3 * planck_rgb(kelvin) / planck_rgb(kelvin).max()))
    assert 1e6 / light_of_pair(before, after).kelvin == pytest.approx(1e6 / kelvin, abs=12)


@pytest.mark.parametrize("gain", [-0.1, 2.1, float("nan")])
def test_gains_that_are_none_are_refused(gain: float) -> None:
    with pytest.raises(ValueError, match="a gain must be 0"):
        Dial(gain)


def test_sizes_and_responses_that_do_not_fit_are_refused() -> None:
    def layer(side: int) -> FloatArray:
        return np.zeros((side, side, 3), np.float32)

    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="must have its shape"):
        relight(picture, [Light(layer(5), 4000.0)], [Dial()])
    with pytest.raises(ValueError, match="one response's units"):
        relight(picture, [Light(layer(4), 4000.0), Light(layer(4), 4000.0, RESPONSES["film"])], [Dial()] * 2)
    with pytest.raises(ValueError, match="of one size"):
        light_layer(picture, np.zeros((4, 5, 3), np.uint8))


@given(st.integers(1, 40), CURVES)
def test_strips_give_what_the_whole_gives(strip: int, response: Response) -> None:
    """Whatever their height, last one included."""
    random = np.random.Generator(np.random.Philox(key=(strip, 0)))
    before = random.integers(0, 256, (6, 5, 3), np.uint8)
    light = Light(random.random((6, 5, 3), np.float32), 3000, response)
    weight = random.random((6, 5), np.float32)
    whole = relight(before, [light], [Dial(0.7, 5000)], weight=weight)
    layer = light_layer(before, whole, response)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("higan_cam.relight.light._STRIP", strip)
        np.testing.assert_array_equal(relight(before, [light], [Dial(0.7, 5000)], weight=weight), whole)
        np.testing.assert_array_equal(light_layer(before, whole, response), layer)


def test_memory_does_not_grow_with_64_bit_copies_of_the_picture() -> None:
    picture = np.full((1200, 1600, 3), 90, np.uint8)
    light = Light(np.full(picture.shape, 0.2, np.float32), 3000)
    tracemalloc.start()
    try:
        relight(picture, [light], [Dial(0.5)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * picture.nbytes, "a copy in 64 bits alone has 8 times the picture's bytes"
