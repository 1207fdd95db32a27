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
from higan_cam.invert.camera import at_rest, photographed
from higan_cam.invert.descent import Descent, Knob, Plan, Values, descend
from higan_cam.invert.objective import Trial, make_objective
from higan_cam.invert.schedules import warm_cosine
from higan_cam.invert.statistics import CodeStatistics, statistics_latents
from higan_cam.types import Generator, Precision

HYBRID_STEPS, OPTIMISE_STEPS = 30, 300
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
class Setup:
    """What every picture of a run is inverted with, on one device."""

    generator: Generator
    statistics: CodeStatistics
    config: InvertConfig
    encoder: Encoder | None = None


Method = Callable[[Setup, Tensor], Descent]
"""(setup, (N,3,S,S) pictures in [-1,1]) -> where each ended; the knob `code` is in standard deviations."""


def encode(setup: Setup, pictures: Tensor) -> Descent:
    """The encoder's guess, of the camera too where it has one."""
    return _descend(setup, pictures, guess(setup, pictures), Plan(0, warm_cosine))


def optimise(setup: Setup, pictures: Tensor) -> Descent:
    """Descent from the mean code or from random ones, several times over; each picture's best is kept.

    The descents of a picture are pictures of one batch, so `invert.starts` divides how many fit.
    """
    starts = first_codes(setup, pictures)
    plan = Plan(_steps(setup.config, OPTIMISE_STEPS), warm_cosine, patience=setup.config.patience)
    repeated = pictures.repeat_interleave(setup.config.starts, dim=0)
    start = {"code": starts} | (_parts(at_rest(len(repeated), repeated)) if setup.config.align else {})
    return _best_of(_descend(setup, repeated, start, plan), setup.config.starts)


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
def guess(setup: Setup, pictures: Tensor) -> dict[str, Tensor]:
    """What the encoder says: `code`, (N,L,D) in standard deviations, and with `invert.align` the parts of `camera`.

    Raises:
        ConfigError: there is no encoder.
    """
    encoder = setup.encoder
    make_method(setup.config, encoder)
    camera = at_rest(len(pictures), pictures)
    if setup.config.align and isinstance(encoder, CameraEncoder):
        w_plus, found = encoder.predict(pictures)
        camera[:, : found.shape[1]] = found
    elif encoder is not None:
        w_plus = encoder.codes(pictures)
    start = {"code": setup.statistics.white(w_plus)}
    return start | _parts(camera) if setup.config.align else start


@torch.no_grad()
def first_codes(setup: Setup, pictures: Tensor) -> Tensor:
    """(N x starts,L,D) where `optimise` begins, in standard deviations, the descents of a picture side by side.

    Random codes are those of the first latents of the statistics, the same for every picture.
    """
    config, generator = setup.config, setup.generator
    mean = torch.zeros_like(setup.statistics.mean)[None]
    count = config.starts if config.start == "random" else config.starts - 1
    latents = torch.from_numpy(statistics_latents(max(count, 1), generator.z_dim)).to(pictures.device)
    random = setup.statistics.white(generator.truncate(generator.map(latents)))[:count]
    starts = random if config.start == "random" else torch.cat([mean, random])
    return starts.repeat(len(pictures), 1, 1)


def _descend(setup: Setup, pictures: Tensor, start: Values, plan: Plan) -> Descent:
    """From a start: `code` alone, or with the parts of the camera, which then are turned too."""
    objective, statistics = make_objective(setup.config.losses), setup.statistics

    def losses(values: Values, rows: Tensor, _: int) -> Tensor:
        camera = camera_of(values)
        image = drawn(setup.generator, statistics.w_plus(values["code"]), setup.config.precision)
        taken = image if camera is None else photographed(image, camera)
        return objective(Trial(taken, pictures[rows], values["code"], statistics.varies, camera))

    knobs = {"code": Knob(start["code"], setup.config.rate)}
    knobs |= {name: Knob(start[name], rate, CAMERA_BETAS) for name, rate in CAMERA_RATES.items() if name in start}
    return descend(knobs, losses, plan)


def _parts(camera: Tensor) -> dict[str, Tensor]:
    """(N,8) -> knobs by name."""
    shift, zoom, tone = camera.split((2, 1, 5), dim=1)
    return {"shift": shift, "zoom": zoom, "tone": tone}


def camera_of(values: Values) -> Tensor | None:
    """(N,8) from the knobs; None where the camera is not turned."""
    return torch.cat([values[name] for name in CAMERA_RATES], dim=1) if "shift" in values else None


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
