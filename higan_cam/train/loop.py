"""The one loop of all trainers: set the rate, take a step, report, write a checkpoint; go on from it.

A trainer brings what it changes (`State`), one step of it, and a `Plan`. A process that is killed anywhere and started
again with the same settings and as many workers ends in the same weights, because a step draws its randomness from its
number alone, and a checkpoint is there whole or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from higan_cam.train.checkpoints import load_checkpoint, save_checkpoint
from higan_cam.train.optimise import set_rate
from higan_cam.train.settings import Progress, Report, Settings, World

Step = Callable[[int], Tensor]
"""Number of the step, from 0 -> its loss, a scalar without history. Changes networks and optimisers, not the count."""


class State(Protocol):
    """What training changes."""

    step: int
    """Steps done; the loop counts them."""

    def snapshot(self) -> dict[str, Any]:
        """All that `restore` needs: tensors and plain values, `step` among them."""

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot, in place."""


def _no_more(_: int) -> Mapping[str, float]:
    return {}


def _nothing(_: int) -> None:
    """Nothing to do."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to train, how fast, and what to say of it."""

    name: str
    """Of what is trained, in its lines of progress."""
    steps: int
    rate: Callable[[int], float]
    """Number of the step -> learning rate."""
    optimizers: Sequence[torch.optim.Optimizer]
    """Those that learn at this rate, times their parameter groups' own `factor`."""
    numbers: Callable[[int], Mapping[str, float]] = _no_more
    """Steps done -> what to report beside loss and time; called on rank 0, before it reports."""
    report_every: int = 50
    """Steps between lines of progress."""
    after_checkpoint: Callable[[int], None] = _nothing
    """Steps done -> what to look at then; called on rank 0 once they are saved, and again for those that training goes
    on from, since a kill may have come between. Other workers wait meanwhile."""


def look_due(settings: Settings, steps: int, times: int, done: int) -> bool:
    """Whether one of so many looks, even over the training, falls between the last checkpoint and this one; never at
    the end, which has one anyway."""
    turns = [times * step // steps for step in (done - settings.checkpoint_every, done)]
    return done < steps and turns[0] < turns[1]


def resume(settings: Settings, state: State) -> None:
    """Put the state where the checkpoint in `settings.output` stands; nothing where there is none.

    Raises:
        ConfigError: the checkpoint is of a run with other settings.
    """
    saved = load_checkpoint(settings)
    if saved is not None:
        state.restore(saved)


def train(settings: Settings, state: State, step: Step, plan: Plan, report: Report, world: World) -> None:
    """Take the steps from `state.step` to `plan.steps`; rank 0 reports, and writes the checkpoint, also at the end."""
    first, began = state.step, time.monotonic()
    if world.rank == 0 and state.step:
        plan.after_checkpoint(state.step)
    while state.step < plan.steps:
        for optimizer in plan.optimizers:
            set_rate(optimizer, plan.rate(state.step))
        loss = step(state.step)
        state.step += 1
        if world.rank == 0 and state.step % plan.report_every == 0:
            numbers = {"loss": float(loss), "seconds_per_step": (time.monotonic() - began) / (state.step - first)}
            report(Progress(plan.name, state.step, plan.steps, {**numbers, **plan.numbers(state.step)}))
        if world.rank == 0 and (state.step % settings.checkpoint_every == 0 or state.step == plan.steps):
            save_checkpoint(settings, state.snapshot())
            plan.after_checkpoint(state.step)
