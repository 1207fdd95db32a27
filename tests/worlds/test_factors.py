"""Factors of a world are clipped linear functions of z, whatever the world."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.worlds.factors import Factors, FactorSpec, binary, check_resolution, orthonormal_rows


def test_rows_are_orthonormal_and_follow_from_the_seed() -> None:
    rows = orthonormal_rows(5, 16, 3)
    np.testing.assert_allclose(rows @ rows.T, np.eye(5), atol=1e-12)
    np.testing.assert_array_equal(rows, orthonormal_rows(5, 16, 3))
    assert not np.allclose(rows, orthonormal_rows(5, 16, 4))


def test_yes_or_no_is_yes_as_often_as_asked() -> None:
    slope, shift = binary(0.3)
    values = np.clip(slope * np.random.default_rng(0).standard_normal(50_000) + shift, 0, 1)
    assert values.mean() == pytest.approx(0.3, abs=0.01)
    assert ((values > 0) & (values < 1)).mean() < 0.015


def test_factors_are_clipped_lines() -> None:
    factors = Factors([FactorSpec("a", np.array([1.0, 0.0]), 2.0, 0.5, 0.0, 1.0, "colour")])
    np.testing.assert_allclose(factors([[0.1, 9.0], [-3.0, 0.0], [3.0, 0.0]]), [[0.7], [0.0], [1.0]])
    with pytest.raises(ValueError, match=r"\(N,2\)"):
        factors([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("resolution", [0, -32, 48])
def test_sizes_that_are_no_multiples_of_32_are_refused(resolution: int) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        check_resolution(resolution)
