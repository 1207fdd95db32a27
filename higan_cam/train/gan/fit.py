"""Training a generator against a discriminator, step by step.

Everything that is drawn at a step, which pictures, codes and augmentations, follows from (seed, step, place in the
batch), so the sample stream is the same on any number of workers, and a run that was killed ends in the same bytes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.generate import from_uint8
from higan_cam.losses.adversarial import GAMES, gradient_penalty, path_lengths
from higan_cam.train.gan.ada import EVERY, next_chance
from higan_cam.train.gan.augment import ADAPTIVE, AUGMENTATIONS, draws_of
from higan_cam.train.gan.discriminators import GROUP
from higan_cam.train.gan.pictures import Pictures, shown
from higan_cam.train.gan.settings import GanSettings, Precision
from higan_cam.train.gan.speed import WORTH_MEASURING, advice, rates
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import descend, share_of, update_average
from higan_cam.train.settings import Report, World
from higan_cam.types import ByteArray, FloatArray

log = logging.getLogger(__name__)
PATH_DECAY = 0.99
CODES, MIXED, AUGMENTED, PATH, MIRRORED = range(5)
"""Streams of numbers of a step, each of its own key."""
ASKED = 64
"""Pictures of a kind that the discriminator is asked about, for `by_heart`."""


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
        on_sheet: called on rank 0 as often as a checkpoint is written, before it, with the steps done and what is told.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or a batch that does not divide.
    """
    share_of(settings.batch, world)
    state = start(settings, world.device)
    resume(settings, state)
    if world.rank == 0 and settings.steps - state.step >= WORTH_MEASURING:
        _advise(settings, pictures, world.device)
    game = Steps(settings, state, pictures, world)

    def step(number: int) -> Tensor:
        loss = game.take(number)
        if world.rank == 0 and (number + 1) % settings.checkpoint_every == 0:
            on_sheet(state, number + 1, game.numbers(number + 1))
        return loss

    plan = Plan(
        name="gan",
        steps=settings.steps,
        rate=lambda _: settings.learning_rate,
        optimizers=[state.of_generator, state.of_discriminator],
        numbers=game.numbers,
    )
    train(settings, state, step, plan, report, world)
    return state


def _advise(settings: GanSettings, pictures: Pictures, device: str) -> None:
    """Say which precision is faster here. What is asked for is what is computed in: the bytes follow from settings."""

    def steps(precision: Precision) -> Callable[[int], Tensor]:
        tried = replace(settings, precision=precision)
        return Steps(tried, start(tried, device), pictures, World(device=device)).take

    log.info(advice(rates(steps, settings.batch, device), settings.precision))


class Steps:
    """One step after another of both sides, on this worker's share of the batch."""

    def __init__(self, settings: GanSettings, state: GanState, pictures: Pictures, world: World) -> None:
        self.settings, self.state, self.pictures, self.world = settings, state, pictures, world
        self.game, self.augment = GAMES[settings.loss], AUGMENTATIONS[settings.augment]
        self.adaptive = settings.augment in ADAPTIVE
        share = share_of(settings.batch, world)
        self.mine = slice(world.rank * share, (world.rank + 1) * share)

    def take(self, number: int) -> Tensor:
        """The discriminator's step, then the generator's; the generator's loss."""
        reals = self._reals(number)
        self._discriminate(number, reals)
        loss = self._generate(number, reals)
        if self.adaptive and (number + 1) % EVERY == 0:
            self._adapt()
        batch = self.settings.batch
        update_average(self.state.averaged, self.state.generator, batch, (number + 1) * batch)
        return loss

    def numbers(self, step: int) -> Mapping[str, float]:
        """What is told beside loss and time: kimg, and how the discriminator takes what it has and has not seen.

        `by_heart` is (D of training pictures - D of held-out ones) / (D of training pictures - D of samples): near 0
        where it judges pictures, near 1 where it knows them by heart. The sign of D alone does not see that.
        """
        kimg = {"kimg": step * self.settings.batch / 1000}
        if self.adaptive:
            kimg |= {"augment_p": self.state.chance, "real_sign": self.state.sign}
        if not len(self.pictures.held_out):
            return kimg
        own, other = (self._judged(part) for part in (self.pictures.train, self.pictures.held_out))
        with torch.no_grad():
            samples = self._samples(step, self.state.averaged, slice(0, ASKED), exact=True)[
                0
            ]  # in eval mode: nothing moves
            fake = float(self.state.discriminator(samples).mean())
        return {**kimg, "by_heart": (own - other) / (own - fake) if own != fake else 0.0}

    @torch.no_grad()
    def _judged(self, part: ByteArray) -> float:
        number = min(len(part), ASKED) // GROUP * GROUP
        chosen = part[np.linspace(0, len(part) - 1, number).astype(int)]  # evenly: neighbours in a folder are alike
        return float(self.state.discriminator(from_uint8(chosen).to(self.world.device)).mean())

    def _discriminate(self, number: int, reals: Tensor) -> None:
        settings, discriminator = self.settings, self.state.discriminator
        with torch.no_grad():
            fakes = self._samples(number, self.state.generator, self.mine)[0]
        real_seen, fake_seen = self._seen(number, reals, real=True), self._seen(number, fakes, real=False)
        real, fake = self._logits(real_seen), self._logits(fake_seen)
        if self.adaptive:
            self._count(real.detach() - fake.detach() if self.game.paired else real.detach())
        loss = self.game.discriminator(real, fake)
        if settings.gamma and number % settings.penalty_every == 0:
            sides = (real_seen, fake_seen) if self.game.paired else (real_seen,)
            penalty = sum(
                (gradient_penalty(discriminator, side) for side in sides), torch.zeros((), device=loss.device)
            )
            loss = loss + penalty * (settings.gamma / 2 * settings.penalty_every)
        self._descend(loss, discriminator, self.state.of_discriminator)

    def _generate(self, number: int, reals: Tensor) -> Tensor:
        settings, state = self.settings, self.state
        _let_move(state.of_discriminator, False)
        measured = bool(settings.path_weight) and number % settings.path_every == 0
        fakes, w_plus = self._samples(settings.steps + number, state.generator, self.mine, exact=measured)
        real = self._logits(self._seen(number, reals, real=True)) if self.game.paired else fakes.new_zeros(())
        loss = self.game.generator(real, self._logits(self._seen(number, fakes, real=False)))
        whole = loss
        if measured:
            whole = loss + settings.path_weight * settings.path_every * self._path_penalty(number, fakes, w_plus)
        self._descend(whole, state.generator, state.of_generator)
        _let_move(state.of_discriminator, True)
        return loss.detach()

    def _count(self, logits: Tensor) -> None:
        """Add up signs, over all workers: whole numbers, so the sum does not depend on how many they are."""
        signs = logits.sign().sum()
        if self.world.size > 1:
            torch.distributed.all_reduce(signs)
        self.state.signs += float(signs)
        self.state.judged += len(logits) * self.world.size

    def _adapt(self) -> None:
        settings, state = self.settings, self.state
        state.sign = state.signs / state.judged
        share = state.judged / (1000 * settings.ada_kimg)
        state.chance = next_chance(state.chance, state.sign, settings.ada_target, share)
        state.signs, state.judged = 0.0, 0

    def _path_penalty(self, number: int, images: Tensor, w_plus: Tensor) -> Tensor:
        noise = self._normals(PATH, number, tuple(images.shape[1:]))[self.mine].to(images)
        lengths = path_lengths(images, w_plus, noise)
        mean = lengths.detach().mean()
        if self.world.size > 1:
            torch.distributed.all_reduce(mean)
            mean = mean / self.world.size
        self.state.path_mean = PATH_DECAY * self.state.path_mean + (1 - PATH_DECAY) * float(mean)
        return (lengths - self.state.path_mean).square().mean()

    def _descend(self, loss: Tensor, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        descend(loss, optimizer, network.parameters(), math.inf, self.world)

    def _reals(self, number: int) -> Tensor:
        settings = self.settings
        chosen = shown(settings, len(self.pictures.train), number * settings.batch, settings.batch)[self.mine]
        images = from_uint8(self.pictures.train[chosen])
        if settings.mirror:
            turned = self._uniforms(MIRRORED, number, 1)[self.mine, 0] < 0.5
            images = torch.where(turned[:, None, None, None], images.flip(3), images)
        return images.to(self.world.device)

    def _seen(self, number: int, images: Tensor, *, real: bool) -> Tensor:
        draws = self._uniforms(AUGMENTED, 2 * number + real, draws_of(self.settings.augment))[self.mine]
        if self.adaptive:
            return self.augment(images, draws, real=real, chance=self.state.chance)
        return self.augment(images, draws.to(images.device), real=real)

    def _logits(self, images: Tensor) -> Tensor:
        """(N,) float32, whatever the discriminator computes in."""
        halved = self.settings.precision == "bfloat16"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=halved):
            logits: Tensor = self.state.discriminator(images)
        return logits.float()

    def _samples(self, number: int, network: nn.Module, which: slice, *, exact: bool = False) -> tuple[Tensor, Tensor]:
        """((n,3,S,S) samples, (n,L,D) their codes), drawn from the numbers of that step; `exact` in float32."""
        settings, generator = self.settings, cast(Any, network)
        generator.precision = "float32" if exact else settings.precision
        codes = self._normals(CODES, number, (2, settings.z_dim))[which].to(self.world.device)
        w_plus = generator.truncate(generator.map(codes[:, 0]))
        if settings.network == "stylegan2" and settings.mixing:
            draws = self._uniforms(MIXED, number, 2)[which].to(self.world.device)
            rows = torch.arange(w_plus.shape[1], device=w_plus.device)
            from_row = torch.where(draws[:, 0] < settings.mixing, 1 + draws[:, 1] * (len(rows) - 1), len(rows))
            other = generator.truncate(generator.map(codes[:, 1]))
            w_plus = torch.where((rows >= from_row.floor()[:, None])[..., None], other, w_plus)
        images: Tensor = generator.synthesize(w_plus)[0]
        return images, w_plus

    def _normals(self, stream: int, number: int, shape: tuple[int, ...]) -> Tensor:
        """(batch,*shape) standard normal."""
        return torch.from_numpy(self._draw(stream, number).standard_normal((self.settings.batch, *shape), np.float32))

    def _uniforms(self, stream: int, number: int, columns: int) -> Tensor:
        """(batch,columns) in [0,1)."""
        found: FloatArray = self._draw(stream, number).random((self.settings.batch, columns), np.float32)
        return torch.from_numpy(found)

    def _draw(self, stream: int, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=(self.settings.seed, 8 * number + stream)))


def _let_move(optimizer: torch.optim.Optimizer, moves: bool) -> None:
    """What the optimiser moves needs gradients, or none for now; what is frozen stays so."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.requires_grad_(moves)
