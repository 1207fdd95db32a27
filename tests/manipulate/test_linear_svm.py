"""The interior-point SVM against scikit-learn's SVC and against the optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import SVC

from higan_cam.errors import DataError
from higan_cam.manipulate.fit_metrics import cosine
from higan_cam.manipulate.linear_svm import linear_svm


def blobs(seed: int, n: int, dimension: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    sides = np.where(np.arange(n) < max(1, n // 3), 1.0, -1.0)
    codes = g.standard_normal((n, dimension)) * np.linspace(1, 0.2, dimension) + 5
    codes[:, 0] += apart * sides
    return codes.astype(np.float32), sides


def hinge(codes: np.ndarray, sides: np.ndarray, penalty: float, w: np.ndarray, b: float) -> float:
    return float(0.5 * w @ w + penalty * np.maximum(0, 1 - sides * (codes @ w + b)).sum())


@pytest.mark.parametrize(
    ("apart", "penalty"), [(0.5, 1e-3), (0.5, 0.1), (0.5, 1.0), (3.0, 1e-3), (3.0, 1.0), (3.0, 1e4)]
)
def test_direction_and_intercept_are_those_of_svc(apart: float, penalty: float) -> None:
    codes, sides = blobs(0, 120, 10, apart)
    weights, intercept = linear_svm(codes, sides, penalty)
    best = SVC(kernel="linear", C=penalty, tol=1e-6).fit(codes, sides)
    assert cosine(weights, best.coef_[0]) > 0.999999
    assert intercept == pytest.approx(best.intercept_[0], abs=0.01 * float(np.linalg.norm(weights)))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 12), st.floats(0, 2), st.floats(-5, 4))
def test_no_small_change_lowers_the_objective(seed: int, n: int, dimension: int, apart: float, power: float) -> None:
    codes, sides = blobs(seed, n, dimension, apart)
    penalty = 10.0**power
    w, b = linear_svm(codes, sides, penalty)
    best = hinge(codes, sides, penalty, w, b)
    g = np.random.default_rng(seed)
    for size in (1e-3, 1e-2, 1e-1):
        dw, db = size * g.standard_normal(dimension), size * g.standard_normal()
        assert hinge(codes, sides, penalty, w + dw, b + db) >= best - 1e-4 * (1 + best)


def test_two_points_are_separated_halfway() -> None:
    weights, intercept = linear_svm(np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([-1.0, 1.0]), 100.0)
    np.testing.assert_allclose(weights, [0, 1], atol=1e-6)
    assert intercept == pytest.approx(-2, abs=1e-6)


def test_scaling_the_codes_is_scaling_the_penalty() -> None:
    codes, sides = blobs(1, 60, 5, 0.5)
    one, _ = linear_svm(codes, sides, 0.1)
    two, _ = linear_svm(codes * 10, sides, 0.001)
    np.testing.assert_allclose(two * 10, one, rtol=1e-3, atol=1e-5)


def test_codes_that_cannot_be_separated_are_refused() -> None:
    with pytest.raises(DataError, match="all 4 codes are the same"):
        linear_svm(np.ones((4, 3)), np.array([1.0, 1.0, -1.0, -1.0]), 1.0)
    with pytest.raises(DataError, match="both sides"):
        linear_svm(np.eye(3), np.ones(3), 1.0)
    with pytest.raises(DataError, match="no convergence"):
        linear_svm(*blobs(0, 60, 5, 0.5), 1.0, max_steps=1)
