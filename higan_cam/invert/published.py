"""Optimisers as they were published, for comparison: their starts, rates, losses and steps, faults included.

Kept from them: the last code, not the best one; rates of 0 in the first step, or in the first and the last; pictures
that are clamped before they are compared. Not kept, since it belongs to no method: generator calls without gradients
(`encoder_notebook` as it was run optimised nothing), and new noise in every pass (noise maps are fixed here, so
`projector` does not move any either). With `image2stylegan`, `encoder_notebook` and `projector` the networks that the
losses look through come from files, `invert.networks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from higan_cam.config.pictures import InvertConfig
from higan_cam.invert.descent import Knob, Plan
from higan_cam.invert.problem import Code, Problem, Solution, best_of, solve
from higan_cam.invert.schedules import SCHEDULES, code_noise
from higan_cam.losses import PROFILES, Losses, Parts, make_losses

BETAS = (0.9, 0.999)
"""PyTorch's, which all of them left as they are."""
NOISE_SEED = 2**63 + 17


@dataclass(frozen=True)
class Recipe:
    """What a published optimiser does beside its losses (`losses.PROFILES`) and its rates (`schedules.SCHEDULES`).

    Attributes:
        start: (problem, how many) -> (count,L,D) codes w+ of one picture's descents; or (count,1,D) one code w for all
            rows.
        starts: descents per picture; the one with the least loss at its end is taken.
        noisy: whether noise is added to the code in every pass, less and less.
    """

    start: Callable[[Problem, int], Tensor]
    starts: int = 1
    noisy: bool = False


def _mean(problem: Problem, count: int) -> Tensor:
    return problem.statistics.mean.expand(count, -1, -1).clone()


def _mean_of_all_rows(problem: Problem, count: int) -> Tensor:
    return problem.statistics.mean.mean(dim=0).expand(count, 1, -1).clone()


def _nothing(problem: Problem, count: int) -> Tensor:
    return torch.zeros_like(_mean(problem, count))


def _near_nothing(problem: Problem, count: int) -> Tensor:
    """0.1 x standard normal numbers."""
    return 0.1 * _normal(tuple(_mean(problem, count).shape), 0).to(problem.statistics.mean)


RECIPES: dict[str, Recipe] = {
    "higan_dev": Recipe(_mean),
    "image2stylegan": Recipe(_nothing),
    "encoder_notebook": Recipe(_near_nothing, starts=10),
    "projector": Recipe(_mean_of_all_rows, noisy=True),
}
"""By the names that their losses and rates have too."""


def published_losses(config: InvertConfig, parts: Parts) -> Losses:
    """The losses of the recipe that `invert.published` names, but for that of noise maps, which stay as they are.

    Raises:
        ConfigError: a network's file that was not given.
        WeightsError: one that is missing or does not fit.
    """
    profile = PROFILES[str(config.published)]
    weights = {loss: weight for loss, weight in profile.weights.items() if loss != "noise_regulariser"}
    return make_losses(weights, parts, clamp=profile.clamp, side=profile.side)


def as_published(problem: Problem, pictures: Tensor) -> Solution:
    """The recipe that `invert.published` names; `problem.losses` are its own (`published_losses`)."""
    name = str(problem.config.published)
    recipe, schedule = RECIPES[name], SCHEDULES[name]
    steps = schedule.steps if problem.config.steps is None else problem.config.steps
    start = recipe.start(problem, recipe.starts).repeat(len(pictures), 1, 1)
    rate = schedule.peak if problem.config.rate is None else problem.config.rate
    code = Code(Knob(start, rate, BETAS), partial(_w_plus, problem, steps if recipe.noisy else 0))
    repeated = pictures.repeat_interleave(recipe.starts, dim=0)
    return best_of(solve(problem, repeated, code, None, Plan(steps, schedule.share, keep="last")), recipe.starts)


def _w_plus(problem: Problem, noisy_steps: int, code: Tensor, step: int) -> Tensor:
    """(n,1 or L,D) -> (n,L,D), with the projector's noise of this step, the same for every picture."""
    if step < noisy_steps:
        # The projector's spread is a norm over all coordinates, not that of one.
        spread = float(problem.statistics.spread.square().sum(dim=1).max().sqrt())
        noise = _normal(tuple(code.shape[1:]), 1 + step).to(code)
        code = code + code_noise(step, noisy_steps, spread) * noise
    return code.expand(-1, problem.generator.num_layers, -1)


def _normal(shape: tuple[int, ...], stream: int) -> Tensor:
    draws = np.random.Generator(np.random.Philox(key=[NOISE_SEED, stream])).standard_normal(shape)
    return torch.from_numpy(draws.astype(np.float32))
