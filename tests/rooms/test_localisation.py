"""Metrics against their definitions, on maps whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from higan_cam.rooms.localisation import (
    THRESHOLDS,
    average_precision,
    iou,
    iou_by_threshold,
    lamp_recall,
    pointing,
)
from higan_cam.types import BoolArray, FloatArray


def known(seed: int, levels: int) -> tuple[FloatArray, BoolArray]:
    """Three 7 x 7 maps with `levels` distinct values (so with ties), and truths that are not empty."""
    source = np.random.default_rng(seed)
    heat = source.integers(0, levels, (3, 7, 7)) / max(levels - 1, 1)
    truth = source.random((3, 7, 7)) < 0.3
    truth[:, 3, 3] = True
    return heat.astype(np.float32), truth


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), levels=st.integers(1, 30))
def test_average_precision_equals_scikit_learn_with_ties(seed: int, levels: int) -> None:
    heat, truth = known(seed, levels)
    expected = [average_precision_score(t.ravel(), h.ravel()) for h, t in zip(heat, truth, strict=True)]
    np.testing.assert_allclose(average_precision(heat, truth), expected, atol=1e-12)


def test_the_truth_itself_scores_one_and_a_constant_its_share() -> None:
    _, truth = known(0, 2)
    np.testing.assert_allclose(average_precision(truth.astype(np.float32), truth), 1)
    np.testing.assert_allclose(average_precision(np.ones((3, 7, 7)), truth), truth.mean(axis=(1, 2)))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), levels=st.integers(2, 101))
def test_iou_by_threshold_equals_cutting_at_each_threshold(seed: int, levels: int) -> None:
    heat, truth = known(seed, levels)
    found = iou_by_threshold(heat, truth)
    peak = heat.max(axis=(1, 2), keepdims=True).astype(np.float64)
    share = heat / np.where(peak > 0, peak, 1)
    expected = np.stack([iou(share >= cut - 1e-7, truth) for cut in THRESHOLDS], axis=1)
    np.testing.assert_allclose(found, expected)


def test_iou_of_disjoint_equal_and_empty_masks() -> None:
    left, none = np.zeros((1, 4, 4), np.bool_), np.zeros((1, 4, 4), np.bool_)
    left[:, :, :2] = True
    assert iou(left, left) == 1
    assert iou(left, ~left) == 0
    assert iou(none, none) == 0
    assert (iou_by_threshold(np.zeros((1, 4, 4)), left) == 0).all()


@pytest.mark.parametrize(("tolerance", "hit"), [(2.9, 0.0), (3.0, 1.0)])
def test_pointing_allows_the_tolerance_and_no_more(tolerance: float, hit: float) -> None:
    heat, truth = np.zeros((1, 9, 9)), np.zeros((1, 9, 9), np.bool_)
    heat[0, 4, 4], truth[0, 4, 7] = 1, True
    assert pointing(heat, truth, tolerance) == hit


def test_a_map_of_zeros_points_nowhere() -> None:
    assert pointing(np.zeros((1, 9, 9)), np.ones((1, 9, 9), np.bool_), 3) == 0


def test_a_lamp_is_found_when_half_of_its_shade_is_covered() -> None:
    shades = np.zeros((1, 3, 4, 4), np.bool_)
    shades[0, 0, 0], shades[0, 1, 3] = True, True  # the third lamp is hidden
    mask = np.zeros((1, 4, 4), np.bool_)
    mask[0, 0, :2], mask[0, 3, 0] = True, True
    assert lamp_recall(mask, shades) == 0.5
    assert lamp_recall(mask, np.zeros_like(shades)) == 1
