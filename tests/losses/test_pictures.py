"""Losses of pixels, on pictures whose answer is known."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from higan_cam.losses.pictures import colour, light, pixel, total_variation, total_variation_sum
from tests.support.reference2 import draw

WHITE, BLACK = torch.ones(1, 3, 4, 4), -torch.ones(1, 3, 4, 4)


@pytest.mark.parametrize(("measure", "most"), [(pixel, 4), (light, 1), (colour, 4)])
def test_black_and_white_are_furthest_apart(measure: object, most: float) -> None:
    assert callable(measure)
    assert measure(WHITE, BLACK).tolist() == pytest.approx([most])
    assert measure(WHITE, WHITE).tolist() == [0]


def test_light_counts_what_is_bright() -> None:
    """The same step of display values is more light where it is bright."""
    dark = light(torch.full((1, 3, 2, 2), -0.9), torch.full((1, 3, 2, 2), -0.7))
    bright = light(torch.full((1, 3, 2, 2), 0.9), torch.full((1, 3, 2, 2), 0.7))
    assert bright > 100 * dark


def test_colour_does_not_see_where_things_are() -> None:
    picture = draw("colour", (2, 3, 5, 5)).clamp(-1, 1)
    assert colour(picture, picture.flip(3)).tolist() == pytest.approx([0, 0], abs=1e-12)


@given(st.integers(2, 9), st.integers(2, 9), st.floats(-2, 2))
def test_total_variation_of_a_ramp_is_its_slope(height: int, width: int, slope: float) -> None:
    ramp = (slope * torch.arange(width, dtype=torch.float64)).expand(1, 3, height, width)
    assert total_variation(ramp).item() == pytest.approx(abs(slope))
    assert total_variation_sum(ramp).item() == pytest.approx(3 * height * (width - 1) * abs(slope))


@pytest.mark.parametrize("measure", [total_variation, total_variation_sum])
def test_a_constant_picture_and_a_single_pixel_do_not_vary(measure: object) -> None:
    assert callable(measure)
    assert measure(WHITE).tolist() == [0]
    assert measure(WHITE[:, :, :1, :1]).tolist() == [0]


def half(where: slice) -> Tensor:
    """(1,1,4,4) weights, 1 in some rows."""
    seen = torch.zeros(1, 1, 4, 4)
    seen[:, :, where] = 1
    return seen


@pytest.mark.parametrize("measure", [pixel, light])
def test_what_is_not_seen_does_not_count(measure: object) -> None:
    assert callable(measure)
    picture = torch.cat([WHITE[:, :, :2], BLACK[:, :, 2:]], dim=2)
    assert measure(picture, WHITE, half(slice(0, 2))).item() == 0
    assert measure(picture, WHITE, half(slice(2, 4))).item() == pytest.approx(measure(BLACK, WHITE).item())
    assert measure(picture, WHITE, half(slice(0, 4))).item() == pytest.approx(measure(picture, WHITE).item())
    assert measure(picture, WHITE, half(slice(0, 0))).item() == 0
