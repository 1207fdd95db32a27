"""Noise maps: white noise is let be, patterns are not; normalising keeps them apart from each other."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.losses.noise import noise_regulariser, normalised_noise
from tests.support.reference2 import draw


def test_white_noise_is_let_be_and_a_pattern_is_not() -> None:
    white = draw("white", (1, 1, 256, 256))
    stripes = torch.tensor([1.0, -1.0]).repeat(128).expand(1, 1, 256, 256)
    assert noise_regulariser([white]).item() < 1e-4
    # At full size columns alternate and rows repeat; every smaller scale is 0.
    assert noise_regulariser([stripes]).item() == pytest.approx(2)


def test_a_blurred_map_is_worse_than_the_noise_it_was() -> None:
    white = draw("blurred", (1, 1, 32, 32))
    assert noise_regulariser([white + white.roll(1, 3)]) > 10 * noise_regulariser([white])


@given(st.integers(1, 3), st.sampled_from([4, 8, 12, 32]))
def test_normalised_noise_has_mean_0_and_deviation_1_in_each_picture(count: int, side: int) -> None:
    maps = 3 * draw(f"normal{side}", (count, 1, side, side)) + torch.arange(count)[:, None, None, None]
    (found,) = normalised_noise([maps])
    torch.testing.assert_close(found.mean(dim=(1, 2, 3)), torch.zeros(count), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(dim=(1, 2, 3)), torch.ones(count))


def test_a_constant_map_becomes_0() -> None:
    assert not normalised_noise([torch.full((1, 1, 4, 4), 7.0)])[0].any()
