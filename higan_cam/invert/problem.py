"""What is solved for a batch of pictures: the code, and with it the camera, that a generator draws them from.

The parts that all methods share: what a run inverts with, drawing, and a descent from a given start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from higan_cam.config.pictures import InvertConfig
from higan_cam.invert.camera import photographed, reach, unrest
from higan_cam.invert.descent import Knob, Plan, Values, descend
from higan_cam.invert.statistics import CodeStatistics
from higan_cam.losses import Losses
from higan_cam.types import Generator, Precision

RATE = 0.1
"""Adam's, of codes in standard deviations."""
CAMERA_RATES = {"shift": 0.003, "zoom": 0.003, "tone": 0.01}
"""Adam's rates of the parts of `camera.CAMERA`, in their own units."""
CAMERA_BETAS = (0.9, 0.97)


@runtime_checkable
class Encoder(Protocol):
    """A network's first guess."""

    def codes(self, image: Tensor) -> Tensor:
        """(N,3,S,S) pictures in [-1,1] at the generator's size -> (N,L,w_dim) codes w+."""
        ...


@runtime_checkable
class CameraEncoder(Encoder, Protocol):
    """One that also says how the picture was taken."""

    def predict(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(N,3,S,S) -> codes w+ (N,L,w_dim), and (N,K) the first K columns of `camera.CAMERA`."""
        ...


@dataclass(frozen=True, eq=False)
class Problem:
    """What every picture of a run is inverted with, on one device."""

    generator: Generator
    statistics: CodeStatistics
    config: InvertConfig
    losses: Losses
    encoder: Encoder | None = None


@dataclass(frozen=True, eq=False)
class Code:
    """How a code is turned.

    Attributes:
        knob: (N,…) numbers, where they begin and how fast they go.
        w_plus: (numbers (n,…), step) -> (n,L,D) the code that they mean.
    """

    knob: Knob
    w_plus: Callable[[Tensor, int], Tensor]


@dataclass(frozen=True, eq=False)
class Solution:
    """Where the pictures of a batch ended.

    Attributes:
        w_plus: (N,L,D).
        camera: (N,8), or None where the camera was not turned.
        loss, best, taken, trace: see `Descent`.
    """

    w_plus: Tensor
    camera: Tensor | None
    loss: Tensor
    best: Tensor
    taken: Tensor
    trace: Tensor

    def take(self, rows: Tensor) -> Solution:
        """Those at `rows`, in that order."""
        camera = None if self.camera is None else self.camera[rows]
        parts = (self.loss, self.best, self.taken, self.trace)
        return Solution(self.w_plus[rows], camera, *(part[rows] for part in parts))


def white_code(problem: Problem, start: Tensor) -> Code:
    """Codes turned in standard deviations, from (N,L,D) of those."""
    rate = RATE if problem.config.rate is None else problem.config.rate
    return Code(Knob(start, rate), lambda white, _: problem.statistics.w_plus(white))


def solve(problem: Problem, pictures: Tensor, code: Code, camera: Tensor | None, plan: Plan) -> Solution:
    """The descent of (N,3,S,S) pictures; `camera`, (N,8), is turned along where it is given."""
    aim, every = problem.losses.against(pictures), len(pictures)

    def losses(values: Values, rows: Tensor, step: int) -> Tensor:
        wanted = aim if len(rows) == every else aim.rows(rows)
        w_plus = code.w_plus(values["code"], step)
        image, taken = drawn(problem.generator, w_plus, problem.config.precision), _whole(values)
        if taken is None:
            return wanted(image, w_plus=w_plus).total
        seen = reach(taken, image.shape[-1])
        total = wanted(photographed(image, taken), w_plus=w_plus, seen=seen).total
        return total + problem.config.camera * unrest(taken)

    knobs = {"code": code.knob} | ({} if camera is None else _knobs(camera))
    found = descend(knobs, losses, plan)
    w_plus = code.w_plus(found.values["code"], plan.steps)
    return Solution(w_plus, _whole(found.values), found.loss, found.best, found.taken, found.trace)


def best_of(solution: Solution, starts: int) -> Solution:
    """Of N x starts descents the best for each of N pictures; the first on ties."""
    rows = torch.arange(len(solution.loss), device=solution.loss.device).view(-1, starts)
    best = solution.loss.view(-1, starts).argmin(dim=1, keepdim=True)
    return solution.take(rows.gather(1, best)[:, 0])


def drawn(generator: Generator, w_plus: Tensor, precision: Precision = "float32") -> Tensor:
    """(n,L,D) -> (n,3,S,S) float32, with the products of the layers in `precision`."""
    with torch.autocast(w_plus.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        return generator.synthesize(w_plus)[0].float()


def _knobs(camera: Tensor) -> dict[str, Knob]:
    """(N,8) -> its parts by name, each with its rate."""
    parts = zip(CAMERA_RATES.items(), camera.split((2, 1, 5), dim=1), strict=True)
    return {name: Knob(part, rate, CAMERA_BETAS) for (name, rate), part in parts}


def _whole(values: Values) -> Tensor | None:
    """(n,8) from its parts; None where the camera is not turned."""
    return torch.cat([values[name] for name in CAMERA_RATES], dim=1) if "shift" in values else None
