"""What both trainers share."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from higan_cam.errors import ConfigError
from higan_cam.train.loop import (
    average_gradients,
    cosine_rate,
    load_checkpoint,
    psnr,
    save_checkpoint,
    set_rate,
    update_average,
)
from higan_cam.train.rooms.latents import held_out_latents, training_latents
from higan_cam.train.scorer.settings import ScorerSettings
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


@pytest.mark.parametrize("error", [0.2, -0.2])
def test_psnr_is_against_a_peak_of_two(error: float) -> None:
    assert psnr(torch.full((2, 3, 4, 4), error)) == pytest.approx(20.0, abs=1e-5)
    assert psnr(torch.full((1,), 2.0)) == pytest.approx(0.0)


def test_psnr_of_no_error_is_finite() -> None:
    assert math.isfinite(psnr(torch.zeros(3)))


def test_workers_share_a_step_without_overlap() -> None:
    whole = training_latents(3, 5, 8, World())
    parts = [training_latents(3, 5, 8, World(rank, 4)) for rank in range(4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_steps_share_no_latent_with_each_other_or_the_held_out() -> None:
    every = np.concatenate([training_latents(0, step, 4, World()) for step in range(3)] + [held_out_latents(8)])
    assert len(np.unique(every, axis=0)) == len(every)


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


def test_checkpoints_come_back_and_leave_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.pt"
    settings = ScorerSettings(output=str(tmp_path))
    assert load_checkpoint(path, settings) is None
    for step in (1, 2):
        save_checkpoint(path, settings, {"step": step, "weights": {"a": torch.arange(3)}})
    state = load_checkpoint(path, replace(settings, output="elsewhere", checkpoint_every=7))
    assert state is not None
    assert state["step"] == 2
    assert torch.equal(state["weights"]["a"], torch.arange(3))
    assert [found.name for found in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_of_other_settings_is_refused_and_the_field_named(tmp_path: Path) -> None:
    settings = ScorerSettings(output=str(tmp_path))
    save_checkpoint(tmp_path / "checkpoint.pt", settings, {"step": 1})
    with pytest.raises(ConfigError, match="seed: 1 there, 5 asked for"):
        load_checkpoint(tmp_path / "checkpoint.pt", replace(settings, seed=5))


def test_a_batch_that_does_not_divide_by_the_workers_is_refused() -> None:
    with pytest.raises(ConfigError, match="16 images does not divide by 3 workers"):
        training_latents(0, 0, 16, World(0, 3))


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"step": print}, tmp_path / "checkpoint.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(tmp_path / "checkpoint.pt", ScorerSettings(output=str(tmp_path)))
