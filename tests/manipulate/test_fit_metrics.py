"""Rank correlation, accuracy, cosine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from higan_cam.manipulate.fit_metrics import cosine, spearman, tail_accuracy

small = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30)


@given(small)
def test_spearman_is_scipys_with_ties(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, dtype=np.float64).T
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert spearman(a, b) is None
    else:
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_spearman_sees_order_only() -> None:
    a = np.linspace(-1, 1, 20)
    assert spearman(a, np.exp(5 * a)) == pytest.approx(1)
    assert spearman(a, -(a**3)) == pytest.approx(-1)
    assert spearman(a[:2], a[:2]) is None


def test_accuracy_counts_the_right_side_and_the_plane_is_negative() -> None:
    assert tail_accuracy(np.array([1.0, 0.0, -2.0, 3.0]), np.array([1, 1, -1, -1])) == 0.5


def test_cosine_of_nothing_is_zero() -> None:
    assert cosine(np.zeros(3), np.ones(3)) == 0
    assert cosine(np.ones(3), -np.ones(3)) == pytest.approx(-1)
