"""Priors are constant, random or centred, and scaled to peak 1."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.rooms.localisation import average_precision
from higan_cam.rooms.priors import centre_box, centre_gaussian, mean_pool, smooth_noise


def test_the_mean_pool_ranks_pixels_by_how_often_they_are_lit() -> None:
    others = np.zeros((4, 2, 2), np.bool_)
    others[:2, 0, 0], others[:1, 1, 1] = True, True
    np.testing.assert_allclose(mean_pool(others), np.array([[1.0, 0.0], [0.0, 0.5]]))


def test_a_mean_pool_of_nothing_is_zero_not_nan() -> None:
    assert (mean_pool(np.zeros((3, 4, 4), np.bool_)) == 0).all()


def test_the_centre_gaussian_falls_away_from_the_middle_alike_on_all_sides() -> None:
    heat = centre_gaussian(32)
    assert heat.max() == heat[15, 15] == 1
    np.testing.assert_allclose(heat, heat[::-1, ::-1], atol=1e-6)
    assert (np.diff(heat[16, 16:]) < 0).all()


@pytest.mark.parametrize("share", [0.0, 0.04, 0.25, 1.0])
def test_the_centre_box_covers_its_share(share: float) -> None:
    box = centre_box(100, share)
    assert box.sum() == max(round(100 * share**0.5), 1) ** 2
    np.testing.assert_array_equal(box, box.T)


def test_random_maps_differ_repeat_with_the_seed_and_know_nothing() -> None:
    noise = smooth_noise(40, 64, seed=1, share=0.2)
    np.testing.assert_array_equal(noise, smooth_noise(40, 64, seed=1, share=0.2))
    assert noise.min() > 0
    assert noise.max() == 1
    np.testing.assert_allclose((noise > 0.5).mean(axis=(1, 2)), 0.2, atol=0.001)
    assert not np.allclose(noise[0], noise[1])
    truth = np.zeros((40, 64, 64), np.bool_)
    truth[:, :32, :16] = True
    assert abs(average_precision(noise, truth).mean() - 0.125) < 0.06
