"""A lamp cut out and pasted, and light by heat or by distance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from higan_cam.errors import ConfigError
from higan_cam.relight import Dial, relight
from higan_cam.relight.composers import Spot
from higan_cam.relight.composers.cutout import Cutout, CutoutSettings, falloff, wide_blur, with_lamp
from higan_cam.types import ByteArray, Place

SHARES = st.floats(0, 1)


def at(x: float, y: float) -> Place:
    return Place(0, x, y, x, y, 0.0, 0.0)


def room(height: int = 60, width: int = 80) -> ByteArray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([40 + rows, 30 + columns, 90 + 0 * rows], axis=-1).astype(np.uint8)


def lamp(alpha: int = 255) -> ByteArray:
    return np.concatenate([np.full((12, 8, 3), 220), np.full((12, 8, 1), alpha)], axis=-1).astype(np.uint8)


def lit(spot: Spot) -> ByteArray:
    made = Cutout()(spot)
    return relight(made.picture, [made.light], [Dial()])


def test_light_is_strongest_at_the_place_and_half_at_its_reach() -> None:
    shape = falloff(Spot(room(), at(0.5, 0.5)), reach=0.1)
    rows, columns = np.unravel_index(int(shape.argmax()), shape.shape)
    assert abs(rows - 29.5) <= 0.5
    assert abs(columns - 39.5) <= 0.5
    assert shape[29, 45] == pytest.approx(0.5, abs=0.1)


def test_heat_gives_the_light_its_shape() -> None:
    heat = np.zeros((60, 80), np.float32)
    heat[10:20, 30:50] = 1
    made = lit(Spot(room(), at(0.5, 0.25), heat))
    np.testing.assert_array_equal(made[heat == 0], room()[heat == 0])
    assert (made[heat == 1] > room()[heat == 1]).all()


@given(SHARES, SHARES, st.booleans())
def test_beyond_mask_and_feather_every_byte_is_the_pictures(x: float, y: float, with_body: bool) -> None:
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:50] = 255
    spot = Spot(room(), at(x, y), mask=mask, lamp=lamp() if with_body else None)
    made, body = lit(spot), with_lamp(room(), lamp(), at(x, y)) if with_body else room()
    np.testing.assert_array_equal(made[spot.weight == 0], body[spot.weight == 0])


@given(SHARES, SHARES, st.integers(1, 40), st.integers(1, 40))
def test_lamps_of_any_size_anywhere_stay_in_the_picture(x: float, y: float, height: int, width: int) -> None:
    cut = np.full((height, width, 4), 255, np.uint8)
    made = with_lamp(room(), cut, at(x, y))
    assert made.shape == room().shape
    changed = (made != room()).any(axis=-1)
    tall = round(round(0.08 * 80) * height / width)
    assert changed.sum() <= (round(0.08 * 80) + 1) * (tall + 1)


def test_a_transparent_lamp_leaves_the_picture_and_a_solid_one_covers_it() -> None:
    np.testing.assert_array_equal(with_lamp(room(), lamp(0), at(0.5, 0.5)), room())
    np.testing.assert_array_equal(with_lamp(room(), lamp(), at(0.5, 0.5))[30, 40], [220, 220, 220])


def test_what_is_transparent_has_no_colour_to_bleed() -> None:
    cut = lamp()
    cut[:, :4] = (255, 0, 0, 0)
    made = with_lamp(room(), cut, at(0.5, 0.5))
    assert (made[..., 0].astype(int) - made[..., 2]).max() <= (room()[..., 0].astype(int) - room()[..., 2]).max()


def test_settings_make_the_same_again() -> None:
    settings = replace(CutoutSettings(), kelvin=3000.0)
    made = Cutout(settings)(Spot(room(), at(0.2, 0.8), seed=5))
    recorded = {key: value for key, value in made.settings.items() if key not in ("composer", "seed")}
    again = Cutout(CutoutSettings(**recorded))(Spot(room(), at(0.2, 0.8), seed=5))  # type: ignore[arg-type]
    np.testing.assert_array_equal(made.light.layer, again.light.layer)
    assert made.settings["composer"] == "cutout"
    assert made.light.kelvin == 3000.0


@pytest.mark.parametrize("sigma", [3.0, 12.0, 40.0])
def test_the_wide_blur_is_the_gaussian(sigma: float) -> None:
    values = np.random.default_rng(np.random.Philox(key=9)).random((200, 260))
    values[60:120, 100:180] = 0
    exact = gaussian_filter(values, sigma, mode="mirror", truncate=6)
    inner = slice(40, -40)
    np.testing.assert_allclose(wide_blur(values, sigma)[inner, inner], exact[inner, inner], atol=0.01)


@pytest.mark.parametrize(
    "values", [{"kelvin": 100}, {"kelvin": "warm"}, {"glow": -1}, {"strength": float("nan")}, {"reach": 0}, {"blur": 0}]
)
def test_settings_out_of_range_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"cutout: .*{next(iter(values))}"):
        CutoutSettings(**values)
