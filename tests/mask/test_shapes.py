"""Ellipses with their true angle, hulls, resampling and run lengths."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.mask.shapes import decode_rle, ellipse_mask, encode_rle, fit_ellipse, hull_mask, pixel_mask, resize_mask
from higan_cam.types import BoolArray, IntArray

SHAPE = (61, 61)


def bar(degrees: float, half_length: float = 20, half_width: float = 4) -> IntArray:
    """Pixels of a bar about (30,30) whose long side points `degrees` from x towards increasing y."""
    dy, dx = np.indices(SHAPE) - 30.0
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.argwhere((abs(dx * cos + dy * sin) <= half_length) & (abs(dy * cos - dx * sin) <= half_width))


def iou(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 110, 135, 170])
def test_the_ellipse_points_where_the_cluster_points(degrees: float) -> None:
    pixels = bar(degrees)
    centre, ellipse = fit_ellipse(pixels)
    assert centre == pytest.approx((30, 30), abs=0.2)
    assert abs((ellipse.angle - degrees + 90) % 180 - 90) < 2.5
    assert 0 <= ellipse.angle < 180
    assert ellipse_mask(SHAPE, centre, ellipse)[tuple(pixels.T)].all()  # three sigma hold a bar


def test_axes_are_six_standard_deviations_of_the_pixels() -> None:
    pixels = bar(0, half_length=20, half_width=4)
    _, ellipse = fit_ellipse(pixels)
    spread = pixels.std(axis=0, ddof=1)
    assert (ellipse.minor, ellipse.major) == pytest.approx(tuple(6 * spread))
    assert ellipse.angle == 0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=40))
def test_axes_and_angle_diagonalise_the_covariance(points: list[tuple[int, int]]) -> None:
    pixels = np.array(points)
    _, ellipse = fit_ellipse(pixels)
    covariance = np.cov(pixels.T) if len(pixels) > 1 else np.zeros((2, 2))
    values = np.clip(np.linalg.eigvalsh(covariance), 0, None)
    np.testing.assert_allclose((ellipse.minor, ellipse.major), np.maximum(6 * np.sqrt(values), 1), atol=1e-4)
    along = np.array([math.sin(math.radians(ellipse.angle)), math.cos(math.radians(ellipse.angle))])
    assert along @ covariance @ along == pytest.approx(values[1], abs=1e-6)


@pytest.mark.parametrize("pixels", [[(10, 12)], [(5, x) for x in range(40)], [(i, i) for i in range(30)]])
def test_points_and_lines_have_a_pixel_wide_ellipse_that_holds_their_middle(pixels: list[tuple[int, int]]) -> None:
    centre, ellipse = fit_ellipse(np.array(pixels))
    mask = ellipse_mask(SHAPE, centre, ellipse)
    assert ellipse.minor == 1
    assert mask[pixels[len(pixels) // 2]]
    assert mask.sum() >= len(pixels)


def test_an_ellipse_is_clipped_at_the_border() -> None:
    centre, ellipse = fit_ellipse(np.argwhere(np.ones((8, 8), np.bool_)))
    assert ellipse_mask((8, 8), centre, ellipse).shape == (8, 8)
    assert not ellipse_mask((8, 8), (-100.0, 4.0), ellipse).any()


@pytest.mark.parametrize("pixels", [[(10, 12)], [(5, 3), (5, 30)], [(2, 2), (2, 50), (40, 20)]])
def test_the_hull_holds_its_corners(pixels: list[tuple[int, int]]) -> None:
    hull = hull_mask(SHAPE, np.array(pixels))
    assert all(hull[pixel] for pixel in pixels)


def test_the_hull_of_a_ring_is_filled() -> None:
    dy, dx = np.indices(SHAPE) - 30
    radius = np.hypot(dy, dx)
    hull = hull_mask(SHAPE, np.argwhere((radius > 15) & (radius < 20)))
    assert hull[30, 30]
    assert iou(hull, radius < 20) > 0.97


@pytest.mark.parametrize("size", [16, 61, 122])
def test_resizing_keeps_the_covered_share(size: int) -> None:
    mask = pixel_mask(SHAPE, bar(30))
    assert resize_mask(mask, size).mean() == pytest.approx(mask.mean(), rel=0.05)


def test_a_lone_pixel_vanishes_when_a_quarter_of_the_size_is_left() -> None:
    assert not resize_mask(pixel_mask((64, 64), np.array([(9, 9)])), 16).any()


def test_run_lengths_survive_json() -> None:
    mask = pixel_mask(SHAPE, bar(75))
    rle = json.loads(json.dumps(encode_rle(mask)))
    assert rle["size"] == [61, 61]
    np.testing.assert_array_equal(decode_rle(rle), mask)
