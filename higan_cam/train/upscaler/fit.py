"""Training an upscaler: Adam on named losses between what it draws and the picture that was shrunk, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from higan_cam.losses.adversarial import GAMES
from higan_cam.losses.networks import Parts as LossParts
from higan_cam.losses.weighted import Losses, make_picture_losses
from higan_cam.redraw.network import UpscalerNetwork, enlarged, shrunk
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of, update_average
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.patches import PatchDiscriminator
from higan_cam.train.upscaler.pictures import Large
from higan_cam.train.upscaler.settings import UpscalerSettings

LARGEST_GRADIENT = 5.0
WARMUP = 32
"""One in so many steps warms up."""


@dataclass
class Learner(Parts):
    """The mutable state of training.

    Attributes:
        network: the weights that move; averaged: their moving average, which ships.
        judge, of_judge: of patches, and its optimiser; None without one.
    """

    network: UpscalerNetwork
    averaged: UpscalerNetwork
    optimizer: torch.optim.Optimizer
    judge: PatchDiscriminator | None
    of_judge: torch.optim.Optimizer | None
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        parts: dict[str, Part] = {"network": self.network, "averaged": self.averaged, "optimizer": self.optimizer}
        if self.judge is not None and self.of_judge is not None:
            parts |= {"judge": self.judge, "of_judge": self.of_judge}
        return parts


def start(settings: UpscalerSettings, device: str = "cpu") -> Learner:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    network = UpscalerNetwork(settings.scale, settings.features, settings.blocks).to(device)
    averaged = deepcopy(network).requires_grad_(False).eval()
    adam = partial(torch.optim.Adam, lr=settings.learning_rate)
    judge = PatchDiscriminator(seen=6).to(device) if settings.adversarial else None
    of_judge = None if judge is None else adam(judge.parameters(), betas=(0.5, 0.99))
    return Learner(network, averaged, adam(network.parameters(), betas=(0.9, 0.99)), judge, of_judge)


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
    moving = [learner.optimizer, *([learner.of_judge] if learner.of_judge is not None else [])]
    plan = Plan(name="upscaler", steps=settings.steps, rate=rate, optimizers=moving, numbers=steps.numbers)
    train(settings, learner, step, plan, report, world)
    return learner.averaged.cpu()


class Steps:
    """One step after another, on this worker's share of the batch."""

    def __init__(self, settings: UpscalerSettings, learner: Learner, world: World) -> None:
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
        if learner.judge is not None and learner.of_judge is not None:
            loss = loss + settings.adversarial * self._game(learner.judge, learner.of_judge, small, made, large)
        descend(loss, learner.optimizer, learner.network.parameters(), LARGEST_GRADIENT, self.world)
        update_average(learner.averaged, learner.network, settings.batch, (learner.step + 1) * settings.batch)
        return loss.detach()

    def numbers(self, _step: int) -> Mapping[str, float]:
        """Each loss of the last batch, before its weight."""
        return {name: float(value.detach()) for name, value in self.last.items()}

    def _game(
        self,
        judge: PatchDiscriminator,
        of_judge: torch.optim.Optimizer,
        small: Tensor,
        made: Tensor,
        true: Tensor,
    ) -> Tensor:
        """The judge, who sees the plain enlargement beside it, learns on pictures made; what the network then loses."""
        game, before = GAMES["non_saturating"], enlarged(small, self.settings.scale)

        def logits(shown: Tensor) -> Tensor:
            return judge.logits(before, shown)

        judge.requires_grad_(True)
        against = game.discriminator(logits(true), logits(made.detach()))
        descend(against, of_judge, judge.parameters(), LARGEST_GRADIENT, self.world)
        judge.requires_grad_(False)
        return game.generator(against.detach(), logits(made))
