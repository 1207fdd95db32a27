"""Training a translator: Adam on the picture that its light makes and on the light, checkpoints that go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.losses.adversarial import GAMES
from higan_cam.losses.named import OF_MASKS
from higan_cam.losses.networks import Parts as LossParts
from higan_cam.losses.weighted import Losses, make_losses
from higan_cam.relight.translator.curves import CURVES
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of, update_average
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.pairs import Batch, Pairs
from higan_cam.train.translator.patches import PatchDiscriminator
from higan_cam.train.translator.settings import TranslatorSettings

LARGEST_GRADIENT = 5.0
WARMUP = 32
"""One in so many steps warms up."""
BETAS = (0.9, 0.99)


@dataclass
class Learner(Parts):
    """The mutable state of training.

    Attributes:
        network: the weights that move; averaged: their moving average, which ships.
        judge, of_judge: of patches, and its optimiser; None without one.
    """

    network: TranslatorNetwork
    averaged: TranslatorNetwork
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


def start(settings: TranslatorSettings, device: str = "cpu") -> Learner:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    network = TranslatorNetwork(settings.channels, settings.norm, condition=settings.condition, dial=settings.dial).to(
        device, memory_format=torch.channels_last
    )  # type: ignore[call-overload]
    averaged = deepcopy(network).requires_grad_(False).eval()
    adam = partial(torch.optim.Adam, lr=settings.learning_rate)
    judge = PatchDiscriminator().to(device) if settings.adversarial else None
    of_judge = None if judge is None else adam(judge.parameters(), betas=(0.5, 0.99))
    return Learner(network, averaged, adam(network.parameters(), betas=BETAS), judge, of_judge)


def losses_of(settings: TranslatorSettings, device: str = "cpu") -> Losses | None:
    """What is named beside the two errors, its networks on that device.

    Raises:
        ConfigError: a loss that there is not, or one that needs what training a translator does not have.
        WeightsError: a network's file that is missing or does not fit.
    """
    if not settings.losses:
        return None
    of_masks = sorted(OF_MASKS & settings.weights.keys())
    if of_masks:
        raise ConfigError(
            f"--loss {of_masks[0]}: compares masks, logits with shares; a translator's answer is a picture"
        )
    losses = make_losses(settings.weights, LossParts(device=device))
    for what in ("start", "w_plus", "noise"):
        losses.demand(what)
    return losses


def fit_translator(
    settings: TranslatorSettings,
    pairs: Pairs,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    at_checkpoint: Callable[[int, TranslatorNetwork], None] = lambda *_: None,
) -> TranslatorNetwork:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes. The average comes back on the CPU.

    Args:
        at_checkpoint: called on rank 0 with steps done and the average: see `Plan.after_checkpoint`.

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
        return steps.take(pairs.draw(range(first, first + share)))

    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=settings.steps // WARMUP)
    moving = [learner.optimizer, *([learner.of_judge] if learner.of_judge is not None else [])]
    plan = Plan(
        name="translator",
        steps=settings.steps,
        rate=rate,
        optimizers=moving,
        numbers=steps.numbers,
        after_checkpoint=lambda done: at_checkpoint(done, learner.averaged),
    )
    train(settings, learner, step, plan, report, world)
    return learner.averaged.cpu()


class Steps:
    """One step after another, on this worker's share of the batch."""

    def __init__(self, settings: TranslatorSettings, learner: Learner, world: World) -> None:
        self.settings, self.learner, self.world = settings, learner, world
        self.losses = losses_of(settings, world.device)
        self.last: dict[str, Tensor] = {}

    def take(self, drawn: Batch) -> Tensor:
        """The judge's step where there is one, then the network's -> its loss."""
        settings, learner, batch = self.settings, self.learner, drawn.to(self.world.device)
        masks = batch.masks if settings.condition else None
        with self._precision():
            found = learner.network.train().features(batch.pictures, masks, batch.gains if settings.dial else None)
        light = learner.network.light(found)
        made, true = pictures_of(settings, batch, light)
        self.last = {"display": (made - true).abs().mean(), "linear": (light - batch.light).abs().mean()}
        loss = self.last["display"] + settings.linear * self.last["linear"]
        if self.losses is not None:
            loss = loss + self.losses(2 * made - 1, 2 * true - 1).total.mean()
        if learner.judge is not None and learner.of_judge is not None:
            loss = loss + settings.adversarial * self._game(learner.judge, learner.of_judge, batch, made, true)
        descend(loss, learner.optimizer, learner.network.parameters(), LARGEST_GRADIENT, self.world)
        update_average(learner.averaged, learner.network, settings.batch, (learner.step + 1) * settings.batch)
        return loss.detach()

    def numbers(self, _step: int) -> Mapping[str, float]:
        """The two errors of the last batch, as means of absolute differences."""
        return {name: float(value.detach()) for name, value in self.last.items()}

    def _game(
        self, judge: PatchDiscriminator, of_judge: torch.optim.Optimizer, batch: Batch, made: Tensor, true: Tensor
    ) -> Tensor:
        """The judge learns on pictures that the network made; what the network then loses."""
        game, before = GAMES["non_saturating"], torch.cat([batch.pictures, batch.masks], dim=1)

        def logits(shown: Tensor) -> Tensor:
            return judge.logits(before, 2 * shown - 1)

        judge.requires_grad_(True)
        against = game.discriminator(logits(true), logits(made.detach()))
        descend(against, of_judge, judge.parameters(), LARGEST_GRADIENT, self.world)
        judge.requires_grad_(False)
        return game.generator(against.detach(), logits(made))

    def _precision(self) -> AbstractContextManager[object]:
        if self.settings.precision == "float32":
            return nullcontext()
        return torch.autocast(torch.device(self.world.device).type, torch.bfloat16)


def pictures_of(settings: TranslatorSettings, batch: Batch, light: Tensor) -> tuple[Tensor, Tensor]:
    """(B,3,S,S) display values in [0,1] of the picture with this light, and of that with the true one."""
    curve = CURVES[settings.response]
    there = curve.light((batch.pictures + 1) / 2)
    return curve.display(there + light), curve.display(there + batch.light)
