"""Distances of feature sets whose distance is known, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from higan_cam.errors import DataError
from higan_cam.measure.generation.distances import frechet_distance, frechet_interval, kernel_distance
from higan_cam.types import FloatArray


def samples(mean: FloatArray, root: FloatArray, seed: int, count: int = 500) -> FloatArray:
    """(count,D) samples whose mean is exactly `mean` and whose covariance is exactly root root^T."""
    x = np.random.default_rng(seed).standard_normal((count, len(mean)))
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False)).T)
    moved: FloatArray = white @ root.T + mean
    return moved


def test_frechet_distance_of_axis_aligned_gaussians() -> None:
    left = samples(np.array([1.0, 0, 0]), np.diag([1.0, 2, 3]), 1)
    right = samples(np.array([0.0, 2, 0]), np.diag([2.0, 2, 1]), 2)
    assert frechet_distance(left, right) == pytest.approx(5 + 1 + 0 + 4, abs=1e-6)


def test_frechet_distance_of_turned_gaussians() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 4, 4))
    left, right = samples(np.zeros(4), a, 4), samples(np.ones(4), b, 5)
    # |m|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2, and that root's trace is the nuclear norm of a^T b.
    expected = 4 + np.square(a).sum() + np.square(b).sum() - 2 * linalg.svdvals(a.T @ b).sum()
    assert frechet_distance(left, right) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_is_symmetric_and_zero_for_the_same() -> None:
    left, right = samples(np.zeros(3), np.eye(3), 6), samples(np.ones(3), 2 * np.eye(3), 7)
    assert frechet_distance(left, left) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(left, right) == pytest.approx(frechet_distance(right, left))


def test_the_interval_of_a_frechet_distance_holds_it_and_narrows_with_more_samples() -> None:
    reals, few, many = (
        samples(np.full(3, mean), np.eye(3), seed, count)
        for mean, seed, count in ((0, 8, 400), (1, 9, 60), (1, 10, 4000))
    )
    wide, narrow = frechet_interval(reals, few, 0), frechet_interval(reals, many, 0)
    assert wide.low < 3 < wide.high
    assert narrow.low < 3 < narrow.high
    assert narrow.high - narrow.low < (wide.high - wide.low) / 2


def test_kernel_distance_is_that_of_its_formula() -> None:
    draw = np.random.Generator(np.random.Philox(1))
    reals, fakes = draw.standard_normal((40, 5)), draw.standard_normal((40, 5)) + 0.5
    order = np.random.Generator(np.random.Philox(key=(7, 1)))
    ours, theirs = order.permutation(40), order.permutation(40)

    def unbiased(x: FloatArray, y: FloatArray) -> float:
        a, b, c = ((left @ right.T / 5 + 1) ** 3 for left, right in ((x, x), (y, y), (x, y)))
        rest = ~np.eye(4, dtype=bool)
        return float(a[rest].mean() + b[rest].mean() - 2 * c.mean())

    parts = [unbiased(reals[ours[first : first + 4]], fakes[theirs[first : first + 4]]) for first in range(0, 40, 4)]
    found = kernel_distance(reals.astype(np.float64), fakes, 7)
    assert found.value == pytest.approx(np.mean(parts), rel=1e-9)
    assert found.low < found.value < found.high


def test_kernel_distance_of_one_distribution_with_itself_has_zero_in_its_interval_nineteen_times_of_twenty() -> None:
    draw = np.random.Generator(np.random.Philox(2))
    pairs = [draw.standard_normal((2, 200, 4)) for _ in range(40)]
    found = [kernel_distance(one, other, seed) for seed, (one, other) in enumerate(pairs)]
    assert sum(each.low <= 0 <= each.high for each in found) >= 34  # 38 are expected; fewer than 34 once in 100


def test_too_few_rows_for_a_kernel_distance_are_said() -> None:
    few = np.zeros((39, 3))
    with pytest.raises(DataError, match="39 reals and 39 samples; at least 40"):
        kernel_distance(few, few, 0)
