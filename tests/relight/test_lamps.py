"""One light shared out between lamps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.relight import Light
from higan_cam.relight.lamps import split_light
from higan_cam.types import BoolArray


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
