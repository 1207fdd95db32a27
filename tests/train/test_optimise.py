"""Rates, averages and shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from higan_cam.train.optimise import average_gradients, cosine_rate, set_rate, update_average
from higan_cam.train.settings import World


def test_rate_warms_up_in_a_line_peaks_and_falls_to_the_floor() -> None:
    rates = [cosine_rate(step, 1000, 0.5, warmup=100, floor=0.02) for step in range(1001)]
    assert rates[0] == pytest.approx(0.005)
    assert rates[100] == max(rates) == 0.5
    assert rates[550] == pytest.approx(0.5 * 0.51)
    assert rates[1000] == pytest.approx(0.01)
    assert (np.diff(rates[:100]) > 0).all()
    assert (np.diff(rates[100:]) < 0).all()


@given(st.integers(0, 500), st.integers(1, 500))
def test_rate_is_never_above_the_peak_nor_below_zero(step: int, steps: int) -> None:
    assert 0 < cosine_rate(min(step, steps), steps, 1.0) <= 1.0


def pair() -> tuple[nn.BatchNorm1d, nn.BatchNorm1d]:
    average, current = nn.BatchNorm1d(3).requires_grad_(False), nn.BatchNorm1d(3)
    nn.init.constant_(average.weight, 0.0)
    nn.init.constant_(current.running_mean, 7.0)  # type: ignore[arg-type]
    return average, current


@pytest.mark.parametrize(("seen", "half_life"), [(0, 100), (8000, 1100), (10**6, 3000)])
def test_average_goes_half_way_in_its_half_life(seen: int, half_life: int) -> None:
    average, current = pair()
    update_average(average, current, half_life, seen)
    torch.testing.assert_close(average.weight, torch.full((3,), 0.5))
    assert torch.equal(average.get_buffer("running_mean"), current.get_buffer("running_mean"))


def test_one_workers_gradients_are_left_alone() -> None:
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    average_gradients([parameter], World())
    assert parameter.grad.tolist() == [1.0, 2.0]


def test_rate_is_multiplied_by_a_groups_own_factor() -> None:
    groups: list[dict[str, Any]] = [
        {"params": [nn.Parameter(torch.ones(1))]},
        {"params": [nn.Parameter(torch.ones(1))], "factor": 12.0},
    ]
    optimizer = torch.optim.Adam(groups)
    set_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 6.0]
