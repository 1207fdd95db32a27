"""From pictures to codes, by name: `encoder`, `optimise`, `hybrid`.

Every method is a start and a descent from it: codes in standard deviations, Adam at one rate for all of them, and the
step with the least loss. Noise maps stay as they are: they are fixed patterns that hold what all pictures share, and
would absorb any picture if they were turned too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from higan_cam.config.invert import InvertConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.invert.descent import Descent, Knob, Plan, Values, descend
from higan_cam.invert.objective import Trial, make_objective
from higan_cam.invert.schedules import warm_cosine
from higan_cam.invert.statistics import CodeStatistics, statistics_latents
from higan_cam.types import Generator, Precision

HYBRID_STEPS, OPTIMISE_STEPS = 30, 300


@runtime_checkable
class Encoder(Protocol):
    """A network's first guess."""

    def codes(self, image: Tensor) -> Tensor:
        """(N,3,S,S) pictures in [-1,1] at the generator's size -> (N,L,w_dim) codes w+."""
        ...


@dataclass(frozen=True, eq=False)
class Setup:
    """What every picture of a run is inverted with, on one device."""

    generator: Generator
    statistics: CodeStatistics
    config: InvertConfig
    encoder: Encoder | None = None


Method = Callable[[Setup, Tensor], Descent]
"""(setup, (N,3,S,S) pictures in [-1,1]) -> where each ended; the knob `code` is in standard deviations."""


def encode(setup: Setup, pictures: Tensor) -> Descent:
    """The encoder's guess, with its loss."""
    return _descend(setup, pictures, guess(setup, pictures), Plan(0, warm_cosine))


def optimise(setup: Setup, pictures: Tensor) -> Descent:
    """Descent from the mean code or from random ones, several times over; each picture's best is kept.

    The descents of a picture are pictures of one batch, so `invert.starts` divides how many fit.
    """
    starts = first_codes(setup, pictures)
    plan = Plan(_steps(setup.config, OPTIMISE_STEPS), warm_cosine, patience=setup.config.patience)
    repeated = pictures.repeat_interleave(setup.config.starts, dim=0)
    return _best_of(_descend(setup, repeated, starts, plan), setup.config.starts)


def hybrid(setup: Setup, pictures: Tensor) -> Descent:
    """Descent from the encoder's guess."""
    plan = Plan(_steps(setup.config, HYBRID_STEPS), warm_cosine)
    return _descend(setup, pictures, guess(setup, pictures), plan)


METHODS: dict[str, Method] = {"encoder": encode, "optimise": optimise, "hybrid": hybrid}
"""Name -> method; add an entry to make one known by name."""


def make_method(config: InvertConfig, encoder: Encoder | None) -> Method:
    """The method that a configuration names.

    Raises:
        ConfigError: an unknown name, an unknown loss, or a method that needs an encoder where there is none.
    """
    if config.method not in METHODS:
        raise unknown_name("invert.method", config.method, METHODS)
    make_objective(config.losses)
    if encoder is None and config.method in {"encoder", "hybrid"}:
        raise ConfigError(
            f"invert.method={config.method} begins with an encoder's guess, and this generator has no encoder; name "
            "its file in invert.encoder, or set invert.method=optimise"
        )
    return METHODS[config.method]


def _steps(config: InvertConfig, usual: int) -> int:
    return usual if config.steps is None else config.steps


@torch.no_grad()
def guess(setup: Setup, pictures: Tensor) -> Tensor:
    """(N,L,D) the encoder's codes in standard deviations. ConfigError where there is no encoder."""
    make_method(setup.config, setup.encoder)
    if setup.encoder is None:
        raise ConfigError("invert.encoder: needed here; name its file")
    return setup.statistics.white(setup.encoder.codes(pictures))


@torch.no_grad()
def first_codes(setup: Setup, pictures: Tensor) -> Tensor:
    """(N x starts,L,D) where `optimise` begins, in standard deviations, the descents of a picture side by side.

    Random codes are those of the first latents of the statistics, the same for every picture.
    """
    config, generator = setup.config, setup.generator
    mean = torch.zeros_like(setup.statistics.mean)[None]
    drawn = config.starts if config.start == "random" else config.starts - 1
    latents = torch.from_numpy(statistics_latents(max(drawn, 1), generator.z_dim)).to(pictures.device)
    random = setup.statistics.white(generator.truncate(generator.map(latents)))[:drawn]
    starts = random if config.start == "random" else torch.cat([mean, random])
    return starts.repeat(len(pictures), 1, 1)


def _descend(setup: Setup, pictures: Tensor, starts: Tensor, plan: Plan) -> Descent:
    objective, statistics = make_objective(setup.config.losses), setup.statistics

    def losses(values: Values, rows: Tensor, _: int) -> Tensor:
        image = drawn(setup.generator, statistics.w_plus(values["code"]), setup.config.precision)
        return objective(Trial(image, pictures[rows], values["code"], statistics.varies))

    return descend({"code": Knob(starts, setup.config.rate)}, losses, plan)


def drawn(generator: Generator, w_plus: Tensor, precision: Precision = "float32") -> Tensor:
    """(n,L,D) -> (n,3,S,S) float32, with the products of the layers in `precision`."""
    with torch.autocast(w_plus.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        return generator.synthesize(w_plus)[0].float()


def _best_of(descent: Descent, starts: int) -> Descent:
    """Of N x starts descents the best for each of N pictures; the first on ties."""
    rows = torch.arange(len(descent.loss), device=descent.loss.device).view(-1, starts)
    best = rows.gather(1, descent.loss.view(-1, starts).argmin(dim=1, keepdim=True))[:, 0]
    values = {name: value[best] for name, value in descent.values.items()}
    return Descent(values, descent.loss[best], descent.best[best], descent.taken[best], descent.trace[best])
