"""Training on unpaired pictures: two networks against two discriminators, there and back again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from higan_cam.losses.adversarial import GAMES
from higan_cam.relight.translator.curves import CURVES
from higan_cam.train.draws import stream
from higan_cam.train.judged import LARGEST_GRADIENT, WARMUP
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, gathered, in_precision, share_of, update_average
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.unpaired.reading import Folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.train.translator.unpaired.state import Direction, Learner, brightened, darkened, start

_POOLS, _NOISE = 19, 21
"""Streams of random numbers."""


def fit_unpaired(
    settings: UnpairedSettings,
    folders: Folders,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    at_checkpoint: Callable[[int, Learner], None] = lambda *_: None,
) -> Learner:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes.

    Args:
        at_checkpoint: called on rank 0 with steps done and what is trained: see `Plan.after_checkpoint`.

    The same settings on the same number of workers give the same weights on one kind of device: what the pools hold is
    part of the checkpoint, and the same on every worker.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or the batch does not divide by the workers.
    """
    share = share_of(settings.batch, world)
    learner = start(settings, world.device)
    resume(settings, learner)
    steps = Steps(settings, learner, world)

    def step(number: int) -> Tensor:
        first = number * settings.batch + world.rank * share
        return steps.take(number, *folders.draw(settings, range(first, first + share)))

    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=settings.steps // WARMUP)
    moving = [learner.makers, learner.judges]
    plan = Plan(
        name="unpaired",
        steps=settings.steps,
        rate=rate,
        optimizers=moving,
        numbers=steps.numbers,
        after_checkpoint=lambda done: at_checkpoint(done, learner),
    )
    train(settings, learner, step, plan, report, world)
    return learner


class Steps:
    """One step after another, on this worker's share of the batch."""

    def __init__(self, settings: UnpairedSettings, learner: Learner, world: World) -> None:
        self.settings, self.learner, self.world = settings, learner, world
        self.game, self.curve = GAMES[settings.game], CURVES[settings.response]
        self.last: dict[str, Tensor] = {}

    def take(self, number: int, off: Tensor, on: Tensor) -> Tensor:
        """(B,3,S,S) in [-1,1] of each kind: the networks' step, then the discriminators' -> the networks' loss."""
        learner, settings = self.learner, self.settings
        shown_off, shown_on = ((each.to(self.world.device) + 1) / 2 for each in (off, on))
        # Each network looks at both kinds at once: its norms are of single pictures.
        made_on, same_on = self.lit(torch.cat([shown_off, shown_on])).chunk(2)
        made_off, same_off = self.unlit(torch.cat([shown_on, shown_off])).chunk(2)
        led_off, led_on = self._led_back(number, made_on, made_off)
        back_off, back_on = self.unlit(led_off), self.lit(led_on)
        both = ((learner.on, shown_on, made_on), (learner.off, shown_off, made_off))
        self.last = {
            "cycle": (back_off - shown_off).abs().mean() + (back_on - shown_on).abs().mean(),
            "identity": (same_on - shown_on).abs().mean() + (same_off - shown_off).abs().mean(),
            "adversarial": torch.stack([self._played(*each) for each in both]).sum(),
        }
        weights = {"cycle": settings.cycle, "identity": settings.identity, "adversarial": 1.0}
        loss = torch.stack([weight * self.last[name] for name, weight in weights.items()]).sum()
        descend(loss, learner.makers, learner.made_by, LARGEST_GRADIENT, self.world)
        for direction, average in ((learner.on, learner.averaged_on), (learner.off, learner.averaged_off)):
            update_average(average, direction.network, settings.batch, (learner.step + 1) * settings.batch)
        draws = stream(settings.seed, number, _POOLS)
        judged = torch.stack([self._judged(*each, draws) for each in both]).sum()
        descend(judged, learner.judges, learner.judged_by, LARGEST_GRADIENT, self.world)
        self.last["discriminators"] = judged
        return loss.detach()

    def numbers(self, _step: int) -> Mapping[str, float]:
        """The terms of the last batch, without their weights, both directions added up."""
        return {name: float(value.detach()) for name, value in self.last.items()}

    def lit(self, shown: Tensor) -> Tensor:
        """(B,3,S,S) display values with the lamp off -> on."""
        return brightened(shown, self._answer(self.learner.on, shown), self.curve)

    def unlit(self, shown: Tensor) -> Tensor:
        """(B,3,S,S) display values with the lamp on -> off."""
        return darkened(shown, self._answer(self.learner.off, shown), self.curve)

    def _led_back(self, number: int, *made: Tensor) -> list[Tensor]:
        """The pictures made as the way back sees them: noisy, and, unless `through`, without history."""
        settings, found = self.settings, list[Tensor]()
        draws = stream(settings.seed, number, _NOISE)
        for each in made:
            size = (settings.batch, *each.shape[1:])  # of all workers, so that there may be any number of them
            first = self.world.rank * len(each)
            noise = settings.noise * draws.standard_normal(size, np.float32)[first : first + len(each)]
            seen = each if settings.through else each.detach()
            found.append((seen + torch.from_numpy(noise).to(seen.device)).clamp(0, 1) if settings.noise else seen)
        return found

    def _answer(self, direction: Direction, shown: Tensor) -> Tensor:
        with in_precision(self.settings.precision, self.world.device):
            found = direction.network.train().features(2 * shown - 1)
        return direction.network.light(found)

    def _played(self, direction: Direction, real: Tensor, made: Tensor) -> Tensor:
        """What a network loses to its discriminator, which stays as it is."""
        direction.judge.requires_grad_(False)
        return self.game.generator(_logits(direction, real), _logits(direction, made))

    def _judged(self, direction: Direction, real: Tensor, made: Tensor, draws: np.random.Generator) -> Tensor:
        """What a discriminator loses, on pictures of the pool. Every worker's pool is that of all workers' pictures."""
        kept = direction.pool.exchange(gathered(made, self.world), draws)
        first = self.world.rank * len(made)
        direction.judge.requires_grad_(True)
        return self.game.discriminator(_logits(direction, real), _logits(direction, kept[first : first + len(made)]))


def _logits(direction: Direction, shown: Tensor) -> Tensor:
    return direction.judge.logits(2 * shown - 1)
