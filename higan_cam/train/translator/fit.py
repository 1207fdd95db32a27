"""Training a translator: Adam on the picture that its light makes and on the light, checkpoints that go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.losses.named import OF_MASKS
from higan_cam.losses.networks import Parts as LossParts
from higan_cam.losses.weighted import Losses, make_losses
from higan_cam.relight.translator.curves import CURVES
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.train.judged import LARGEST_GRADIENT, WARMUP, Learner, learner_of
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, in_precision, share_of, update_average
from higan_cam.train.patches import PatchDiscriminator
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.pairs import Batch, Pairs
from higan_cam.train.translator.settings import TranslatorSettings


def start(settings: TranslatorSettings, device: str = "cpu") -> Learner[TranslatorNetwork]:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    network = TranslatorNetwork(settings.channels, settings.norm, condition=settings.condition, dial=settings.dial).to(
        device, memory_format=torch.channels_last
    )  # type: ignore[call-overload]
    judge = PatchDiscriminator().to(device) if settings.adversarial else None
    return learner_of(network, settings.learning_rate, judge)


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
    plan = Plan(
        name="translator",
        steps=settings.steps,
        rate=rate,
        optimizers=learner.moving,
        numbers=steps.numbers,
        after_checkpoint=lambda done: at_checkpoint(done, learner.averaged),
    )
    train(settings, learner, step, plan, report, world)
    return learner.averaged.cpu()


class Steps:
    """One step after another, on this worker's share of the batch."""

    def __init__(self, settings: TranslatorSettings, learner: Learner[TranslatorNetwork], world: World) -> None:
        self.settings, self.learner, self.world = settings, learner, world
        self.losses = losses_of(settings, world.device)
        self.last: dict[str, Tensor] = {}

    def take(self, drawn: Batch) -> Tensor:
        """The judge's step where there is one, then the network's -> its loss."""
        settings, learner, batch = self.settings, self.learner, drawn.to(self.world.device)
        masks = batch.masks if settings.condition else None
        with in_precision(self.settings.precision, self.world.device):
            found = learner.network.train().features(batch.pictures, masks, batch.gains if settings.dial else None)
        light = learner.network.light(found)
        made, true = pictures_of(settings, batch, light)
        self.last = {"display": (made - true).abs().mean(), "linear": (light - batch.light).abs().mean()}
        loss = self.last["display"] + settings.linear * self.last["linear"]
        if self.losses is not None:
            loss = loss + self.losses(2 * made - 1, 2 * true - 1).total.mean()
        if learner.judge is not None:
            before = torch.cat([batch.pictures, batch.masks], dim=1)
            loss = loss + settings.adversarial * learner.play(before, 2 * made - 1, 2 * true - 1, self.world)
        descend(loss, learner.optimizer, learner.network.parameters(), LARGEST_GRADIENT, self.world)
        update_average(learner.averaged, learner.network, settings.batch, (learner.step + 1) * settings.batch)
        return loss.detach()

    def numbers(self, _step: int) -> Mapping[str, float]:
        """The two errors of the last batch, as means of absolute differences."""
        return {name: float(value.detach()) for name, value in self.last.items()}


def pictures_of(settings: TranslatorSettings, batch: Batch, light: Tensor) -> tuple[Tensor, Tensor]:
    """(B,3,S,S) display values in [0,1] of the picture with this light, and of that with the true one."""
    curve = CURVES[settings.response]
    there = curve.light((batch.pictures + 1) / 2)
    return curve.display(there + light), curve.display(there + batch.light)
