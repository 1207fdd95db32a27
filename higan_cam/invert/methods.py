"""From pictures to codes, by name: `encoder`, `optimise`, `hybrid`.

Every method is a start and a descent from it: codes in standard deviations, Adam at one rate for all of them, and the
step with the least loss. Noise maps stay as they are: they are fixed patterns that hold what all pictures share, and
would absorb any picture if they were turned too.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.invert.camera import at_rest
from higan_cam.invert.descent import Plan
from higan_cam.invert.problem import CameraEncoder, Problem, Solution, best_of, solve, white_code
from higan_cam.invert.published import as_published
from higan_cam.invert.schedules import warm_cosine
from higan_cam.invert.statistics import statistics_latents

HYBRID_STEPS, OPTIMISE_STEPS = 25, 300
Method = Callable[[Problem, Tensor], Solution]
"""(problem, (N,3,S,S) pictures in [-1,1]) -> where each ended."""


def encode(problem: Problem, pictures: Tensor) -> Solution:
    """The encoder's guess, of the camera too where it makes one."""
    white, camera = guess(problem, pictures)
    return solve(problem, pictures, white_code(problem, white), camera, Plan(0, warm_cosine))


def optimise(problem: Problem, pictures: Tensor) -> Solution:
    """Descent from the mean code or from random ones, several times over; each picture's best is kept.

    The descents of a picture are pictures of one batch, so `invert.starts` divides how many fit.
    """
    config = problem.config
    repeated = pictures.repeat_interleave(config.starts, dim=0)
    code = white_code(problem, first_codes(problem, len(pictures)))
    camera = at_rest(len(repeated), repeated) if config.align else None
    plan = Plan(_steps(problem, OPTIMISE_STEPS), warm_cosine, patience=config.patience)
    return best_of(solve(problem, repeated, code, camera, plan), config.starts)


def hybrid(problem: Problem, pictures: Tensor) -> Solution:
    """Descent from the encoder's guess."""
    white, camera = guess(problem, pictures)
    plan = Plan(_steps(problem, HYBRID_STEPS), warm_cosine)
    return solve(problem, pictures, white_code(problem, white), camera, plan)


METHODS: dict[str, Method] = {"encoder": encode, "optimise": optimise, "hybrid": hybrid}
"""Name -> method; add an entry to make one known by name."""


def method_of(problem: Problem) -> Method:
    """The method, or the published recipe, that the configuration names.

    Raises:
        ConfigError: an unknown name, or a method that needs an encoder where there is none.
    """
    config = problem.config
    if config.published is not None:
        return as_published
    if config.method not in METHODS:
        raise unknown_name("invert.method", config.method, METHODS)
    if problem.encoder is None and config.method in {"encoder", "hybrid"}:
        raise ConfigError(
            f"invert.method={config.method} begins with an encoder's guess, and this generator has no encoder; name "
            "its file in invert.encoder, or set invert.method=optimise"
        )
    return METHODS[config.method]


def _steps(problem: Problem, usual: int) -> int:
    return usual if problem.config.steps is None else problem.config.steps


@torch.no_grad()
def guess(problem: Problem, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
    """(N,L,D) what the encoder says, in standard deviations, and with `invert.align` (N,8) the camera.

    Raises:
        ValueError: there is no encoder (`method_of` says so to users).
    """
    encoder, align = problem.encoder, problem.config.align
    camera = at_rest(len(pictures), pictures)
    if encoder is None:
        raise ValueError("a guess needs an encoder")
    if align and isinstance(encoder, CameraEncoder):
        w_plus, found = encoder.predict(pictures)
        camera[:, : found.shape[1]] = found
    else:
        w_plus = encoder.codes(pictures)
    return problem.statistics.white(w_plus), camera if align else None


@torch.no_grad()
def first_codes(problem: Problem, count: int) -> Tensor:
    """(count x starts,L,D) where `optimise` begins, in standard deviations, the descents of a picture side by side.

    Random codes are those of the first latents of the statistics, the same for every picture. A generator without w
    begins at them in any case: its codes are latents of one length, so that their mean, 0, is none of them, and a
    trained DCGAN is dead there: each of its first layer's units is below its threshold, and no gradient passes.
    """
    config, generator, mean = problem.config, problem.generator, problem.statistics.mean
    at_random = config.start == "random" or generator.num_layers == 1
    extra = config.starts if at_random else config.starts - 1
    latents = torch.from_numpy(statistics_latents(max(extra, 1), generator.z_dim)).to(mean.device)
    random = problem.statistics.white(generator.truncate(generator.map(latents)))[:extra]
    starts = random if at_random else torch.cat([torch.zeros_like(mean)[None], random])
    return starts.repeat(count, 1, 1)
