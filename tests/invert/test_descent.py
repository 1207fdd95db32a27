"""Descents whose answers are known: parabolas, one per picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.invert.descent import Descent, Knob, Losses, Plan, Values, descend
from higan_cam.invert.schedules import warm_cosine

GOALS = torch.tensor([[1.0, -2.0], [0.5, 3.0], [0.0, 0.0]])


def parabolas(goals: Tensor) -> Losses:
    def losses(values: Values, rows: Tensor, step: int) -> Tensor:
        return (values["code"] - goals[rows]).square().sum(dim=1)

    return losses


def descent_to(goals: Tensor, plan: Plan, losses: Losses | None = None) -> Descent:
    return descend({"code": Knob(torch.zeros_like(goals), 0.1)}, losses or parabolas(goals), plan)


def constant(step: int, steps: int) -> float:
    return 1.0


def test_every_picture_reaches_its_own_goal() -> None:
    found = descent_to(GOALS, Plan(200, warm_cosine))
    torch.testing.assert_close(found.values["code"], GOALS, atol=0.02, rtol=0)
    assert found.taken.tolist() == [200] * 3


def test_neighbours_do_not_change_a_path() -> None:
    together = descent_to(GOALS, Plan(40, warm_cosine, patience=5))
    for row, goal in enumerate(GOALS):
        alone = descent_to(goal[None], Plan(40, warm_cosine, patience=5))
        torch.testing.assert_close(alone.values["code"][0], together.values["code"][row], atol=0, rtol=0)
        torch.testing.assert_close(alone.trace[0], together.trace[row], atol=0, rtol=0, equal_nan=True)


def test_best_step_is_kept_even_when_it_is_the_start() -> None:
    found = descent_to(GOALS, Plan(30, constant))
    assert found.best[2] == 0
    assert found.loss[2] == 0
    assert torch.equal(found.loss, found.trace.nan_to_num(torch.inf).min(dim=1).values)


def test_last_code_is_kept_where_that_is_asked() -> None:
    overshooting = Knob(torch.zeros(1, 2), 9.0)
    last = descend({"code": overshooting}, parabolas(GOALS[:1]), Plan(2, constant, keep="last"))
    assert last.best == 2
    assert last.loss == last.trace[0, 2]
    best = descend({"code": overshooting}, parabolas(GOALS[:1]), Plan(2, constant))
    assert best.loss < last.loss


def test_zero_steps_judge_the_start() -> None:
    found = descent_to(GOALS, Plan(0, constant))
    torch.testing.assert_close(found.loss, GOALS.square().sum(dim=1))
    assert found.taken.tolist() == [0, 0, 0]


def test_a_picture_without_gain_stops_and_the_others_go_on() -> None:
    found = descent_to(GOALS, Plan(60, constant, patience=4))
    assert found.taken[2] == 5
    assert found.taken[0] > 10
    assert found.trace[2].isfinite().sum() == 5


def test_a_loss_that_is_no_number_stops_its_picture_alone() -> None:
    def losses(values: Values, rows: Tensor, step: int) -> Tensor:
        found = parabolas(GOALS)(values, rows, step)
        return torch.where((rows == 1) & torch.tensor(step == 3), torch.nan, found)

    found = descent_to(GOALS, Plan(50, warm_cosine), losses)
    assert found.taken.tolist() == [50, 3, 50]
    assert bool(found.values["code"].isfinite().all())
    assert found.loss[0] < 0.05


def test_no_gradient_is_left_anywhere_and_inference_mode_is_no_hindrance() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    with torch.inference_mode():
        found = descend(
            {"code": Knob(torch.zeros(3, 2), 0.1)},
            lambda values, rows, _: (values["code"] * weight - GOALS[rows]).square().sum(dim=1),
            Plan(100, warm_cosine),
        )
    assert weight.grad is None
    assert bool((found.loss < 0.05).all())


@pytest.mark.parametrize("steps", [1, 2, 20, 30, 300])
def test_no_step_of_the_schedule_is_wasted(steps: int) -> None:
    rates = [warm_cosine(step, steps) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[-1] < 0.5 or steps == 1


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.9, 0.999)])
def test_steps_are_those_of_pytorchs_adam(betas: tuple[float, float]) -> None:
    leaf = torch.nn.Parameter(torch.zeros(2))
    adam = torch.optim.Adam([leaf], lr=0.3, betas=betas)
    for _ in range(25):
        adam.zero_grad()
        (leaf - GOALS[0]).square().sum().backward()
        adam.step()
    ours = descend({"code": Knob(torch.zeros(1, 2), 0.3, betas)}, parabolas(GOALS), Plan(25, constant, keep="last"))
    torch.testing.assert_close(ours.values["code"][0], leaf.detach(), atol=1e-5, rtol=1e-5)
