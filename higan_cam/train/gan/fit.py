"""Training a generator against a discriminator, step by step.

Everything that is drawn at a step, which pictures, codes and augmentations, follows from (seed, step, place in the
batch), so the sample stream is the same on any number of workers, and a run that was killed ends in the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from higan_cam.generate import sample_latents
from higan_cam.runtime.workers.memory import is_out_of_memory
from higan_cam.store import open_store
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings, Precision
from higan_cam.train.gan.speed import WORTH_MEASURING, advice, rates
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.gan.steering.conditions import (
    CONDITION,
    encoded_condition,
    learn_condition,
)
from higan_cam.train.gan.steering.sources import read_second
from higan_cam.train.gan.steps import Steps
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import share_of
from higan_cam.train.settings import Report, World

log = logging.getLogger(__name__)
CODES = 2_000
"""By which is known where codes go."""


OnSheet = Callable[[GanState, int, Mapping[str, float]], None]


def fit_gan(
    settings: GanSettings,
    pictures: Pictures,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    on_sheet: OnSheet = lambda *_: None,
) -> GanState:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes there.

    Args:
        on_sheet: called on rank 0 with each checkpoint, steps done and what is told: see `Plan.after_checkpoint`.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or a batch that does not divide.
    """
    share_of(settings.batch, world)
    settings, second = read_second(settings)
    state = start(settings, world.device)
    for condition in (state.condition, state.averaged_condition):
        if condition is not None:
            learn_condition(condition, settings.properties, pictures.train, world.device)
            if settings.init:  # codes of random weights say nothing of where codes will be
                condition.stay_near(_codes(settings, state, world.device))
    resume(settings, state)
    if world.rank == 0 and settings.steps - state.step >= WORTH_MEASURING:
        _advise(settings, pictures, second, world)
    game = Steps(settings, state, pictures, world, second)

    plan = Plan(
        name="gan",
        steps=settings.steps,
        rate=lambda _: settings.learning_rate,
        optimizers=[part for part in state.parts.values() if isinstance(part, torch.optim.Optimizer)],
        numbers=game.numbers,
        after_checkpoint=lambda done: on_sheet(state, done, game.numbers(done)),
    )
    train(settings, state, game.take, plan, report, world)
    if world.rank == 0 and state.averaged_condition is not None:
        open_store(settings.output).put(CONDITION, encoded_condition(state.averaged_condition, settings.properties))
    return state


@torch.no_grad()
def _codes(settings: GanSettings, state: GanState, device: str) -> Tensor:
    """(CODES,w_dim) of the generator that training begins with."""
    z = sample_latents(range(CODES), settings.seed, settings.z_dim, normalize=False)
    found: Tensor = cast(Any, state.averaged).map(torch.from_numpy(z).to(device))
    return found


def _advise(settings: GanSettings, pictures: Pictures, second: Pictures | None, world: World) -> None:
    """Say which precision is faster here. What is asked for is what is computed in: the bytes follow from settings.

    Measured on this worker's share of the batch, beside the networks that train; not where memory does not suffice.
    """
    share = share_of(settings.batch, world)

    def steps(precision: Precision) -> Callable[[int], Tensor]:
        tried = replace(settings, precision=precision, batch=share)
        return Steps(tried, start(tried, world.device), pictures, World(device=world.device), second).take

    line = f"precision={settings.precision}: not measured, there is too little memory for a second set of networks"
    try:
        line = advice(rates(steps, share, world.device), settings.precision)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    log.info(line)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # after the handler, whose traceback holds tensors
