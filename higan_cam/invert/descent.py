"""Adam on many pictures at once, each with its own state, its own stop and its own best step.

What is optimised are knobs: named tensors with one entry per picture (the code, the camera, the exposure). The losses
of a batch are summed and no picture's loss reads another's knobs, so a picture's path is its own: neighbours change it
by nothing but the order in which a convolution adds up (`README.md`, "A picture and its neighbours").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Values = Mapping[str, Tensor]
"""Knobs of some pictures by name, (n,…) each."""
Losses = Callable[[Values, Tensor, int], Tensor]
"""(knobs of n pictures, (n,) which pictures of the batch they are, step) -> (n,) losses."""
Schedule = Callable[[int, int], float]
"""(step, steps) -> factor of the rate."""
EPS = 1e-8
"""Adam's."""


@dataclass(frozen=True, eq=False)
class Knob:
    """What is turned.

    Attributes:
        start: (N,…) where it begins.
        rate: Adam's rate before the schedule, in the knob's own unit.
        betas: Adam's decay rates of the mean gradient and of the mean square.
    """

    start: Tensor
    rate: float
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass(frozen=True)
class Plan:
    """How long to descend, and what to keep.

    Attributes:
        steps: updates, 0 or more.
        schedule: factor of the rates at each of them.
        keep: best (the step with the least loss, start and end included) or last (the code after the last update).
        patience: a picture stops after so many steps in which its loss was nowhere below `gain` x its least loss
            before; None never stops one.
        gain: see `patience`.
    """

    steps: int
    schedule: Schedule
    keep: str = "best"
    patience: int | None = None
    gain: float = 0.995


@dataclass(frozen=True, eq=False)
class Descent:
    """Where each picture ended.

    Attributes:
        values: by knob, (N,…) of the step that was kept.
        loss: (N,) there.
        best: (N,) int, that step: k is the code after k updates.
        taken: (N,) int, updates made.
        trace: (N, steps + 1) losses by step; NaN from where a picture stopped.
    """

    values: dict[str, Tensor]
    loss: Tensor
    best: Tensor
    taken: Tensor
    trace: Tensor


def descend(knobs: Mapping[str, Knob], losses: Losses, plan: Plan) -> Descent:
    """Turn the knobs until every picture is done.

    A picture whose loss or gradient is not finite stops where it is; such a loss is never the least. Works inside
    no_grad and inference_mode, and leaves no gradient anywhere.
    """
    with torch.inference_mode(False), torch.enable_grad():
        pictures = _Pictures(knobs, plan)
        rows, step = pictures.all, 0
        while step < plan.steps and len(rows):
            rows, step = pictures.turn(rows, losses, step), step + 1
        if len(rows):
            with torch.no_grad():
                pictures.note(rows, losses(pictures.values(rows), rows, step))
        return pictures.descent()


class _Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) of one knob, a picture at a time: pictures may sit steps out.

    PyTorch's own keeps a state per tensor, not per row, and imports its compiler, for seconds, before it steps.
    """

    def __init__(self, knob: Knob) -> None:
        self.knob, self.at = knob, knob.start.detach().clone()
        self.first, self.second = torch.zeros_like(self.at), torch.zeros_like(self.at)
        self.count = self.at.new_zeros((len(self.at),) + (1,) * (self.at.ndim - 1))

    def step(self, rows: Tensor, gradient: Tensor, factor: float) -> None:
        """Move the pictures in `rows` against their (n,…) gradients; in place."""
        one, two = self.knob.betas
        self.count[rows] += 1
        self.first[rows] = first = torch.lerp(gradient, self.first[rows], one)
        self.second[rows] = second = torch.lerp(gradient.square(), self.second[rows], two)
        size = (second / (1 - two ** self.count[rows])).sqrt() + EPS
        self.at[rows] -= self.knob.rate * factor / (1 - one ** self.count[rows]) * first / size


class _Pictures:
    """The state of a descent."""

    def __init__(self, knobs: Mapping[str, Knob], plan: Plan) -> None:
        self.plan = plan
        self.turned = {name: _Adam(knob) for name, knob in knobs.items()}
        self.kept = {name: each.at.clone() for name, each in self.turned.items()}
        first = next(iter(self.kept.values()))
        self.all = torch.arange(len(first), device=first.device)
        self.least = first.new_full((len(first),), torch.inf)
        self.mark = self.least.clone()  # the loss that the next one has to be well below
        self.best, self.taken, self.stale = (torch.zeros_like(self.all) for _ in range(3))
        self.trace = first.new_full((len(first), plan.steps + 1), torch.nan)

    def values(self, rows: Tensor) -> dict[str, Tensor]:
        """By knob, (n,…) of the pictures in `rows`."""
        return {name: each.at[rows] for name, each in self.turned.items()}

    def turn(self, rows: Tensor, losses: Losses, step: int) -> Tensor:
        """One update of the pictures in `rows`; those of them that go on."""
        values = {name: value.requires_grad_() for name, value in self.values(rows).items()}
        loss = losses(values, rows, step)
        gradients = torch.autograd.grad(loss.sum(), list(values.values()))
        self.note(rows, loss.detach())
        finite = loss.detach().isfinite()
        for gradient in gradients:
            finite &= gradient.flatten(1).isfinite().all(dim=1)
        rows, factor = rows[finite], self.plan.schedule(step, self.plan.steps)
        for each, gradient in zip(self.turned.values(), gradients, strict=True):
            each.step(rows, gradient[finite], factor)
        self.taken[rows] += 1
        return rows[self.stale[rows] < (self.plan.patience or torch.inf)]

    def note(self, rows: Tensor, loss: Tensor) -> None:
        """Write down a loss of `rows`, and keep the codes that it makes the ones to keep."""
        self.trace[rows, self.taken[rows]] = loss
        well = loss < self.plan.gain * self.mark[rows]
        self.stale[rows] = torch.where(well, 0, self.stale[rows] + 1)
        self.mark[rows] = torch.where(well, loss, self.mark[rows])
        better = loss < self.least[rows] if self.plan.keep == "best" else loss.isfinite()
        chosen = rows[better]
        self.least[chosen], self.best[chosen] = loss[better], self.taken[chosen]
        for name, each in self.turned.items():
            self.kept[name][chosen] = each.at[chosen]

    def descent(self) -> Descent:
        return Descent(self.kept, self.least, self.best, self.taken, self.trace)
