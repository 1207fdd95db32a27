"""sRGB's curve undone: known points, the way back, and gradients outside the range."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.losses.light import linear_light, linear_rgb


def encoded(light: float) -> float:
    """Display value in [-1,1] of a linear one: sRGB's curve."""
    return 2 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055) - 1


@given(st.floats(0, 1))
def test_encoded_light_is_read_back(light: float) -> None:
    assert linear_rgb(torch.tensor(encoded(light)).double()).item() == pytest.approx(light, abs=2e-7)


@given(st.floats(-3, 3))
def test_brighter_is_more_light_even_out_of_range(value: float) -> None:
    display = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(linear_rgb(display), display)
    assert slope > 0


def test_grey_has_the_luminance_of_its_channels() -> None:
    image = torch.tensor([-1.0, 0.0, 1.0])[:, None, None, None].expand(3, 3, 2, 2)
    torch.testing.assert_close(linear_light(image), linear_rgb(image)[:, 0], rtol=1e-6, atol=1e-7)


def test_luminance_is_that_of_the_published_picture() -> None:
    image = torch.tensor([-5.0, 5.0])[:, None, None, None].expand(2, 3, 1, 1)
    assert linear_light(image).flatten().tolist() == pytest.approx([0, 1])
