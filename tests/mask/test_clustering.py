"""Grid DBSCAN equals scikit-learn's, label for label."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from higan_cam.errors import ConfigError
from higan_cam.mask.clustering import NOISE, NOT_A_POINT, grid_dbscan
from higan_cam.types import BoolArray, IntArray

RADII = (0.3, 0.99, 1, 1.2, math.nextafter(math.sqrt(2), 0), math.sqrt(2), 1.5, 2, 2.5, 3, 4, 4.5, 5, 7.3, 11.0, 60.0)


def reference(points: BoolArray, eps: float, min_samples: int) -> IntArray:
    labels = np.full(points.shape, NOT_A_POINT, np.int32)
    if points.any():
        labels[points] = DBSCAN(eps=eps, min_samples=min_samples).fit(np.argwhere(points)).labels_
    return labels


def random_points(seed: int) -> BoolArray:
    """Scatter of any density, or the blobs of thresholded smooth noise."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 40, 2)
    if rng.random() < 0.5:
        return rng.random(shape) < rng.random()
    noise = rng.standard_normal(shape).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 4))) > rng.normal(0, 0.05)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from(RADII), st.integers(1, 60))
def test_labels_equal_scikit_learn_on_random_masks(seed: int, eps: float, min_samples: int) -> None:
    points = random_points(seed)
    np.testing.assert_array_equal(grid_dbscan(points, eps, min_samples), reference(points, eps, min_samples))


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.floats(4, 400), st.integers(1, 300))
def test_labels_equal_scikit_learn_at_large_radii(seed: int, eps: float, min_samples: int) -> None:
    """Dots far apart, so that many links are as long as the radius and pixels lie at the rim of several clusters."""
    rng = np.random.default_rng(seed)
    points = np.zeros(rng.integers(40, 120, 2), np.bool_)
    for _ in range(rng.integers(1, 12)):
        y, x, high, wide = (int(rng.integers(0, most)) for most in (*points.shape, 14, 14))
        points[y : y + high + 1, x : x + wide + 1] |= rng.random() < 0.9
    points |= rng.random(points.shape) < rng.choice([0, 0.002, 0.02])
    eps, min_samples = (max(eps / 8, 4), max(min_samples // 8, 1)) if seed % 4 else (eps, min_samples)
    np.testing.assert_array_equal(grid_dbscan(points, eps, min_samples), reference(points, eps, min_samples))


@pytest.mark.parametrize("square", range(1, 30))
def test_distances_compare_as_scikit_learn_compares_them(square: int) -> None:
    points = np.random.default_rng(square).random((30, 30)) < 0.4
    for eps in (math.nextafter(math.sqrt(square), 0), math.sqrt(square), math.nextafter(math.sqrt(square), 99)):
        np.testing.assert_array_equal(grid_dbscan(points, eps, square), reference(points, eps, square))


@pytest.mark.parametrize(("eps", "min_samples"), [(4.0, 40), (4.0, 20), (1.0, 2), (1.5, 3), (12.0, 200)])
@pytest.mark.parametrize("name", ["checkerboard", "full", "every_other", "diagonal", "comb"])
def test_labels_equal_scikit_learn_on_regular_masks(name: str, eps: float, min_samples: int) -> None:
    rows, columns = np.indices((61, 61))
    points = {
        "checkerboard": (rows + columns) % 2 == 0,
        "full": rows >= 0,
        "every_other": (rows % 2 == 0) & (columns % 2 == 0),
        "diagonal": rows == columns,
        "comb": (columns % 4 == 0) | (rows == 60),  # teeth that join only in the last row
    }[name]
    np.testing.assert_array_equal(grid_dbscan(points, eps, min_samples), reference(points, eps, min_samples))


def test_linked_but_untouching_core_pixels_share_a_cluster() -> None:
    points = np.zeros((5, 40), np.bool_)
    points[2, ::3] = True
    assert set(grid_dbscan(points, 3.0, 2)[points]) == {0}
    assert set(grid_dbscan(points, 2.9, 2)[points]) == {NOISE}


def test_a_border_pixel_between_two_clusters_takes_the_smaller_label() -> None:
    points = np.zeros((1, 9), np.bool_)
    points[0, [0, 1, 2, 4, 6, 7, 8]] = True
    assert grid_dbscan(points, 2.0, 4)[0].tolist() == reference(points, 2.0, 4)[0].tolist()


def test_clusters_are_numbered_by_their_first_core_pixel_not_by_their_first_pixel() -> None:
    points = np.zeros((6, 12), np.bool_)
    points[1, 8:11] = points[0:3, 9] = True  # a cross: only its centre, in row 1, is core
    points[0:2, 1:3] = True  # a square that starts below the cross's first pixel but is core from row 0 on
    labels = grid_dbscan(points, 1.0, 3)
    assert (labels[0, 1], labels[0, 9]) == (0, 1)


def test_no_points_give_no_labels() -> None:
    assert (grid_dbscan(np.zeros((7, 5), np.bool_), 4.0, 1) == NOT_A_POINT).all()


def test_a_view_of_another_array_is_read_as_it_looks() -> None:
    points = np.random.default_rng(0).random((20, 30)) < 0.5
    np.testing.assert_array_equal(grid_dbscan(points.T[::2], 2.0, 4), grid_dbscan(points.T[::2].copy(), 2.0, 4))


@pytest.mark.parametrize(("eps", "min_samples"), [(0.0, 4), (-1.0, 4), (math.nan, 4), (math.inf, 4), (4.0, 0)])
def test_impossible_parameters_are_refused(eps: float, min_samples: int) -> None:
    with pytest.raises(ConfigError, match="finite eps > 0 px and min_samples >= 1"):
        grid_dbscan(np.ones((3, 3), np.bool_), eps, min_samples)
