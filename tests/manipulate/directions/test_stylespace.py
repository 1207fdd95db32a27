"""The pullback of a style channel: exact where w can move it alone, and honest where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.manipulate.directions import pulled_back

DRAW = np.random.default_rng(5)
CODES = DRAW.standard_normal((500, 10)).astype(np.float32)


def test_fewer_channels_than_dimensions_move_alone() -> None:
    weights = [DRAW.standard_normal((4, 10)), DRAW.standard_normal((3, 10))]
    found = pulled_back(weights, 1, CODES)
    assert np.concatenate(weights) @ found.moves.T == pytest.approx(np.eye(7)[:, 4:], abs=1e-9)
    assert found.fidelity == pytest.approx(np.ones(3))
    assert found.spread == pytest.approx((CODES @ weights[1].T).std(axis=0), rel=1e-4)


def test_more_channels_than_dimensions_are_missed_by_what_is_said() -> None:
    weights = [DRAW.standard_normal((16, 10)), DRAW.standard_normal((8, 10))]
    found = pulled_back(weights, 0, CODES)
    styles = np.concatenate(weights) @ found.moves.T  # (24,16): what comes of asking for each channel
    asked = np.eye(24)[:, :16]
    assert found.fidelity == pytest.approx(np.diagonal(styles))
    assert np.linalg.norm(styles - asked, axis=0) == pytest.approx(np.sqrt(1 - found.fidelity))
    for column in range(16):  # no other move of w comes nearer
        best, *_ = np.linalg.lstsq(np.concatenate(weights), asked[:, column], rcond=None)
        assert found.moves[column] == pytest.approx(best, abs=1e-9)


def test_two_channels_that_are_one_have_half_a_fidelity_each() -> None:
    weights = [np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]])]
    assert pulled_back(weights, 0, CODES[:, :2]).fidelity == pytest.approx([0.5, 0.5, 1])


def test_a_combination_that_is_rounding_is_not_amplified() -> None:
    """Two channels that differ by 1e-6 of their length, as 16-bit files make them, do not move apart."""
    weights = [np.array([[1.0, 0.0], [1.0, 1e-6]])]
    found = pulled_back(weights, 0, CODES[:, :2])
    assert np.abs(found.moves).max() < 1
    assert found.fidelity == pytest.approx([0.5, 0.5], abs=1e-5)
