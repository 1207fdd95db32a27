"""Learning rates of an optimised code, step by step: ours, and those of published optimisers.

    ramp(t) = min(1, t / up) x (1 - cos(pi min(1, (1 - t) / down))) / 2,   t from 0 to 1

rises linearly over the first `up` of the steps and falls as half a cosine over the last `down` (Karras et al. 2020,
StyleGAN2, appendix D). With t = step / steps the first step has the rate 0 and is wasted, with t = step / (steps - 1)
the last one as well; ours wastes none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.errors import ConfigError, unknown_name


def ramp(t: float, up: float = 0.05, down: float = 0.25) -> float:
    """Share of the peak rate at t in [0,1]."""
    return min(1.0, t / up) * (0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / down)))


def warm_cosine(step: int, steps: int) -> float:
    """Ours: rises over the first 5% of the steps, stays 1 until 25%, falls by a cosine; never 0.

    For codes that start near their goal; in standard deviations of each coordinate, the peak is 0.1.
    """
    at = (step + 0.5) / steps
    rise = min(1.0, (step + 1) / max(1.0, 0.05 * steps))
    return rise * (0.5 + 0.5 * math.cos(math.pi * max(0.0, at - 0.25) / 0.75))


@dataclass(frozen=True)
class Schedule:
    """How the learning rate of one optimiser goes.

    Attributes:
        share: (step counted from 0, steps) -> share of the peak.
        steps: as many as were published.
        peak: the published rate.
    """

    share: Callable[[int, int], float]
    steps: int
    peak: float

    def rate(self, step: int, steps: int | None = None, peak: float | None = None) -> float:
        """The learning rate of a step.

        Args:
            steps, peak: others than the published ones.

        Raises:
            ConfigError: a step that is not one of them.
        """
        count = self.steps if steps is None else steps
        if not 0 <= step < count:
            raise ConfigError(f"schedule: step {step} of {count}; expected 0 to {count - 1}")
        return (self.peak if peak is None else peak) * self.share(step, count)


SCHEDULES: Mapping[str, Schedule] = {
    "default": Schedule(warm_cosine, 20, 0.1),
    "projector": Schedule(lambda step, steps: ramp(step / steps), 1000, 0.1),
    "styleclip": Schedule(lambda step, steps: ramp(step / steps), 300, 0.1),
    "styleclip_notebook": Schedule(lambda step, steps: ramp(step / steps, down=0.5), 150, 0.1),
    "higan_dev": Schedule(lambda step, steps: ramp(step / max(1, steps - 1)), 1500, 0.01),
    "encoder_notebook": Schedule(lambda step, _steps: 0.5 ** (step // 500), 1500, 0.01),
    "image2stylegan": Schedule(lambda _step, _steps: 1.0, 1500, 0.02),
}
"""By name; for Adam all of them."""


def schedule(name: str) -> Schedule:
    """The schedule of this name. ConfigError: an unknown one."""
    if name not in SCHEDULES:
        raise unknown_name("schedule", name, SCHEDULES)
    return SCHEDULES[name]


def code_noise(step: int, steps: int, spread: float, noise: float = 0.05, until: float = 0.75) -> float:
    """Standard deviation of what the projector adds to a code in a step: spread x noise x max(0, 1 - t / until)^2."""
    return spread * noise * max(0.0, 1 - step / steps / until) ** 2


def projector_spread(w: Tensor) -> float:
    """(n,D) codes -> sqrt(sum (w - mean)^2 / n), as the projector has it.

    That is a norm over all coordinates: about sqrt(D) times the standard deviation of one.
    """
    return float(torch.sqrt((w - w.mean(dim=0)).square().sum() / len(w)))
