"""Calibrated edits end at the score that was asked for, or say that they cannot."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from torch import Tensor

from higan_cam.manipulate.targets import GRID, STEPS, reach

DIRECTION = torch.tensor([[0.0, 0.0], [1.0, 0.0]])


def logistic(w_plus: Tensor) -> Tensor:
    """A score in (0,3) that saturates, as an ordinal head does; depends on row 1 alone."""
    return 3 * torch.sigmoid(w_plus[:, 1, 0] + 0.3 * torch.sin(w_plus[:, 1, 1]))


def codes(starts: list[float]) -> Tensor:
    w_plus = torch.zeros(len(starts), 2, 2)
    w_plus[:, 1, 0] = torch.tensor(starts)
    return w_plus


@given(
    starts=st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=5),
    target=st.floats(0.4, 2.6),
)
def test_the_score_reaches_its_target_where_scipy_finds_it(starts: list[float], target: float) -> None:
    w_plus = codes(starts)
    (found,) = reach(logistic, w_plus, DIRECTION, (target,), most=6.0, tolerance=0.02)
    assert found.reached.all()
    for row, start in enumerate(starts):
        root = brentq(lambda d, start=start: float(logistic(codes([start + d]))) - target, -6, 6)
        assert float(found.distances[row]) == pytest.approx(root, abs=0.05)
    moved = w_plus + found.distances[:, None, None] * DIRECTION
    torch.testing.assert_close(logistic(moved), found.scores, rtol=0, atol=1e-5)


def test_two_targets_share_the_grid() -> None:
    calls = 0

    def counted(w_plus: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return logistic(w_plus)

    low, high = reach(counted, codes([0.0, 1.0]), DIRECTION, (0.5, 2.5), most=6.0)
    assert calls == 2 * GRID + 1 + 2 * STEPS
    assert bool((low.distances < high.distances).all())


def test_a_target_out_of_reach_is_marked_and_the_nearest_score_is_kept() -> None:
    (found,) = reach(logistic, codes([-5.0, 0.0]), DIRECTION, (2.9,), most=4.0)
    assert found.reached.tolist() == [False, True]
    assert float(found.distances[0]) == 4.0
    assert float(found.scores[0]) == pytest.approx(float(logistic(codes([-1.0]))))


def test_of_several_crossings_the_one_nearest_to_the_code_is_taken() -> None:
    def wave(w_plus: Tensor) -> Tensor:
        return torch.cos(w_plus[:, 1, 0])

    (found,) = reach(wave, codes([0.0]), DIRECTION, (0.0,), most=7.0, tolerance=0.01)
    assert abs(float(found.distances[0])) == pytest.approx(torch.pi / 2, abs=0.01)


def test_a_flat_score_reaches_nothing_and_moves_nothing_into_nan() -> None:
    (found,) = reach(lambda w_plus: torch.ones(len(w_plus)), codes([0.0]), DIRECTION, (2.0,), most=3.0)
    assert not found.reached.any()
    assert torch.isfinite(found.distances).all()


def test_a_sample_does_not_depend_on_its_neighbours() -> None:
    together = reach(logistic, codes([-1.0, 0.5, 2.0]), DIRECTION, (1.0,), most=5.0)[0]
    alone = reach(logistic, codes([0.5]), DIRECTION, (1.0,), most=5.0)[0]
    assert float(together.distances[1]) == pytest.approx(float(alone.distances[0]), abs=1e-6)
