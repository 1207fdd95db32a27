"""GANSpace against scikit-learn's PCA by another solver, and on codes whose spread is planted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from higan_cam.errors import ConfigError
from higan_cam.manipulate.directions import ganspace
from higan_cam.manipulate.directions.ganspace import check_mapped

DRAW = np.random.default_rng(4)
AXES = np.linalg.qr(DRAW.standard_normal((6, 6)))[0]
CODES = (5 + (DRAW.standard_normal((4000, 6)) * [6, 5, 4, 3, 2, 1]) @ AXES).astype(np.float32)


def test_it_finds_the_planted_axes_in_order() -> None:
    for direction, axis, deviation in zip(ganspace(CODES, 6, (0,), 1), AXES, [6, 5, 4, 3, 2, 1], strict=True):
        assert abs(direction.vector @ axis) > 0.99
        assert direction.figures["variance"] == pytest.approx(deviation**2, rel=0.1)


def test_it_is_scikit_learns_pca_whatever_the_solver() -> None:
    other = PCA(3, svd_solver="covariance_eigh").fit(CODES.astype(np.float64))
    for direction, vector, share in zip(
        ganspace(CODES, 3, (0,), 1), other.components_, other.explained_variance_ratio_, strict=True
    ):
        assert abs(direction.vector @ vector) == pytest.approx(1, abs=1e-5)
        assert direction.figures["share"] == pytest.approx(share)


def test_more_than_there_are_and_codes_that_are_z_are_refused() -> None:
    with pytest.raises(ConfigError, match="5 codes of 6 numbers have 5 components, got --count 6"):
        ganspace(CODES[:5], 6, (0,), 1)
    with pytest.raises(ConfigError, match="its codes are z"):
        check_mapped(mapped=False)
