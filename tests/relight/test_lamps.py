"""One light shared out between lamps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.relight import Light
from higan_cam.relight.lamps import STANDS, split_light, tops_of
from higan_cam.types import BoolArray, FloatArray


def disc(y: int, x: int) -> BoolArray:
    rows, columns = np.mgrid[:48, :64]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= 9)


def whole() -> Light:
    return Light(np.random.default_rng(np.random.Philox(key=1)).random((48, 64, 3), np.float32), 3000.0)


@given(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 63)), min_size=1, max_size=5))
def test_the_lamps_lights_add_up_to_the_whole(places: list[tuple[int, int]]) -> None:
    parts = split_light(whole(), [disc(*place) for place in places])
    np.testing.assert_allclose(sum(part.layer for part in parts), whole().layer, rtol=1e-5, atol=1e-6)
    assert {part.kelvin for part in parts} == {3000.0}


def test_a_lamp_has_the_light_on_it_and_half_of_that_half_way() -> None:
    left, right = split_light(whole(), [disc(24, 8), disc(24, 56)])
    assert (left.layer[24, 8] > 0.99 * whole().layer[24, 8]).all()
    np.testing.assert_allclose(left.layer[:, 32], right.layer[:, 32], rtol=1e-4)


@pytest.mark.parametrize("lamps", [[], [np.zeros((48, 64), bool)], [np.ones((48, 63), bool)]])
def test_lamps_without_a_pixel_or_of_another_size_are_refused(lamps: list[BoolArray]) -> None:
    with pytest.raises(ValueError, match="lamps must be"):
        split_light(whole(), lamps)


def hills(*tops: tuple[float, float, float], size: tuple[int, int] = (96, 128), width: float = 0.06) -> Light:
    """Light that falls off around (y, x, height) tops in shares of the sides; `width` in shares of the shorter one."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    layer = np.zeros(size)
    for y, x, height in tops:
        away = np.hypot(rows - y * size[0], columns - x * size[1]) / (width * min(size))
        layer += height * np.exp(-(away**2) / 2)
    return Light(np.repeat(layer[..., None], 3, axis=-1).astype(np.float32), 3000.0)


@pytest.mark.parametrize("size", [(96, 128), (384, 512), (512, 384)])
def test_each_lamp_of_a_light_is_a_top_where_it_is_and_the_brightest_is_first(size: tuple[int, int]) -> None:
    found = tops_of(hills((0.5, 0.2, 0.6), (0.5, 0.7, 1.0), size=size))
    places = [(top.at[0] / size[0], top.at[1] / size[1]) for top in found]
    np.testing.assert_allclose(places, [(0.5, 0.7), (0.5, 0.2)], atol=0.015)
    assert not (found[0].crest & found[1].crest).any()
    assert all(top.crest[round(top.at[0]), round(top.at[1])] for top in found)


def test_what_stands_out_by_less_than_its_prominence_is_one_lamp() -> None:
    """Two equal hills: of their sum, the saddle over a top is known, and says which they are."""
    for apart, lamps in ((0.13, 1), (0.25, 2)):
        light = hills((0.5, 0.5 - apart / 2, 1.0), (0.5, 0.5 + apart / 2, 1.0), size=(128, 128))
        row: FloatArray = light.layer[64, :, 0]
        assert (row[64] < STANDS * row.max()) == (lamps == 2)
        assert len(tops_of(light)) == lamps


def test_texture_and_flat_light_make_no_lamps_of_their_own() -> None:
    light = hills((0.5, 0.5, 1.0), width=0.2)
    texture = 1 + 0.2 * np.random.default_rng(np.random.Philox(5)).standard_normal(light.layer.shape[:2])
    assert len(tops_of(Light((light.layer * texture[..., None]).astype(np.float32), 3000.0))) == 1
    flat = np.zeros((96, 128, 3), np.float32)
    flat[30:60, 20:90] = 0.5
    assert len(tops_of(Light(flat, 3000.0))) == 1


def test_no_light_has_no_lamp() -> None:
    assert tops_of(Light(np.zeros((48, 64, 3), np.float32), 3000.0)) == []
