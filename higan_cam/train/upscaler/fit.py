"""Training an upscaler: Adam on named losses between what it draws and the picture that was shrunk, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from higan_cam.losses.networks import Parts as LossParts
from higan_cam.losses.weighted import Losses, make_picture_losses
from higan_cam.redraw.network import UpscalerNetwork, enlarged, shrunk
from higan_cam.train.judged import LARGEST_GRADIENT, WARMUP, Learner, learner_of
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of, update_average
from higan_cam.train.patches import PatchDiscriminator
from higan_cam.train.settings import Report, World
from higan_cam.train.upscaler.pictures import Large
from higan_cam.train.upscaler.settings import UpscalerSettings


def start(settings: UpscalerSettings, device: str = "cpu") -> Learner[UpscalerNetwork]:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    network = UpscalerNetwork(settings.scale, settings.features, settings.blocks).to(device)
    judge = PatchDiscriminator(seen=6).to(device) if settings.adversarial else None
    return learner_of(network, settings.learning_rate, judge)


def losses_of(settings: UpscalerSettings, device: str = "cpu") -> Losses:
    """What is named, its networks on that device.

    Raises:
        ConfigError: a loss that there is not, or one that needs more than two pictures.
        WeightsError: a network's file that is missing or does not fit.
    """
    return make_picture_losses(dict(settings.losses), LossParts(files=dict(settings.networks), device=device))


def fit_upscaler(
    settings: UpscalerSettings,
    large: Large,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
) -> UpscalerNetwork:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes. The average comes back on the CPU.

    The same settings on the same number of workers give the same weights on one kind of device.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, the batch does not divide by the workers, or
            a loss that there is not.
    """
    share = share_of(settings.batch, world)
    learner = start(settings, world.device)
    resume(settings, learner)
    steps = Steps(settings, learner, world)

    def step(number: int) -> Tensor:
        first = number * settings.batch + world.rank * share
        return steps.take(large.draw(range(first, first + share)).to(world.device))

    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=settings.steps // WARMUP)
    plan = Plan(name="upscaler", steps=settings.steps, rate=rate, optimizers=learner.moving, numbers=steps.numbers)
    train(settings, learner, step, plan, report, world)
    return learner.averaged.cpu()


class Steps:
    """One step after another, on this worker's share of the batch."""

    def __init__(self, settings: UpscalerSettings, learner: Learner[UpscalerNetwork], world: World) -> None:
        self.settings, self.learner, self.world = settings, learner, world
        self.losses = losses_of(settings, world.device)
        self.last: dict[str, Tensor] = {}

    def take(self, large: Tensor) -> Tensor:
        """The judge's step where there is one, then the network's, on (B,3,S,S) pictures -> its loss."""
        settings, learner = self.settings, self.learner
        small = shrunk(large, settings.scale, settings.kernel)
        made = learner.network.train()(small)
        measured = self.losses(made, large)
        loss, self.last = measured.total.mean(), {name: each.mean() for name, each in measured.terms.items()}
        if learner.judge is not None:
            before = enlarged(small, settings.scale)
            loss = loss + settings.adversarial * learner.play(before, made, large, self.world)
        descend(loss, learner.optimizer, learner.network.parameters(), LARGEST_GRADIENT, self.world)
        update_average(learner.averaged, learner.network, settings.batch, (learner.step + 1) * settings.batch)
        return loss.detach()

    def numbers(self, _step: int) -> Mapping[str, float]:
        """Each loss of the last batch, before its weight."""
        return {name: float(value.detach()) for name, value in self.last.items()}
