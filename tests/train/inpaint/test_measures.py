"""Measures of where light came, on pictures whose light is planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.train.inpaint.measures import (
    NOTHING,
    largest_gain,
    luminance_gain,
    mean_figures,
    mean_within,
    picture_psnr,
    ratio,
)

DARK = torch.full((2, 3, 16, 16), -0.8)
MASK = torch.zeros((2, 16, 16), dtype=torch.bool)
MASK[:, 2:10, 2:10] = True


def test_gain_is_the_difference_of_luminance_on_a_scale_of_black_to_white() -> None:
    lit = DARK.clone()
    lit[0] += 0.5  # all channels: a quarter of the way from -1 to 1
    lit[1, 1] += 0.5  # green alone
    gain = luminance_gain(DARK, lit)
    assert gain[0].unique().tolist() == pytest.approx([0.25])
    assert gain[1].unique().tolist() == pytest.approx([0.25 * 0.587])


def test_means_are_of_the_masks_pixels_and_of_an_empty_mask_nothing() -> None:
    gain = torch.where(MASK, 0.4, 0.1)
    assert mean_within(gain, MASK).tolist() == pytest.approx([0.4, 0.4])
    assert mean_within(gain, ~MASK).tolist() == pytest.approx([0.1, 0.1])
    assert mean_within(gain, torch.zeros_like(MASK)).isnan().all()


def test_the_largest_brightening_is_found_and_placed_and_one_bright_pixel_does_not_decide() -> None:
    gain = torch.zeros((2, 16, 16))
    gain[0, 4:9, 4:9] = 0.5
    gain[1, 11:16, 11:16] = 0.5
    gain[:, 0, 15] = 1.0
    value, inside = largest_gain(gain, MASK)
    assert value.tolist() == pytest.approx([0.5, 0.5])
    assert inside.tolist() == [True, False]


def test_psnr_of_a_known_error() -> None:
    assert picture_psnr(DARK + 0.2, DARK).tolist() == pytest.approx([20.0, 20.0])


def test_intervals_hold_the_mean_and_narrow_with_more_pictures() -> None:
    draws = torch.Generator().manual_seed(0)
    values = torch.randn(1000, generator=draws) + 2
    many, few = mean_figures({"x": values})["x"], mean_figures({"x": values[:50]})["x"]
    assert many["value"] == pytest.approx(float(values.mean()))
    assert many["low"] < many["value"] < many["high"]  # type: ignore[operator]
    assert many["high"] - many["low"] == pytest.approx(2 * 1.96 / np.sqrt(1000), rel=0.1)  # type: ignore[operator]
    assert few["high"] - few["low"] > many["high"] - many["low"]  # type: ignore[operator]


def test_columns_with_a_missing_value_have_no_figure() -> None:
    assert mean_figures({"x": torch.tensor([1.0, float("nan")])}) == {"x": NOTHING}


def test_the_ratio_is_of_the_means_and_has_no_figure_where_the_denominator_may_be_zero() -> None:
    over, under = np.array([4.0, 6.0, 5.0]), np.array([1.0, 3.0, 2.0])
    assert ratio(over, under)["value"] == pytest.approx(2.5)
    assert ratio(over, np.array([0.5, -0.5, 0.1])) == NOTHING
    assert ratio(over * np.nan, under) == NOTHING
