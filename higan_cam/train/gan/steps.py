"""One step of a generator and its discriminators: what is drawn for it, and what each of them loses.

As `fit` says, every number of it follows from (seed, step, place in the batch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.generate import from_uint8
from higan_cam.losses.adversarial import GAMES, gradient_penalty, path_lengths
from higan_cam.train.gan.augment import ADAPTIVE, AUGMENTATIONS, draws_of
from higan_cam.train.gan.augment.ada import EVERY, next_chance
from higan_cam.train.gan.discriminators import GROUP, asked
from higan_cam.train.gan.pictures import Pictures, shown
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState
from higan_cam.train.gan.steering.colours import without_colour
from higan_cam.train.gan.steering.conditions import Condition
from higan_cam.train.gan.steering.properties import (
    followed,
    missed,
    names_of,
    scorers_of,
    scores_of,
)
from higan_cam.train.gan.steering.sources import Judge, judges, switch_row
from higan_cam.train.optimise import descend, share_of, update_average
from higan_cam.train.settings import World
from higan_cam.types import ByteArray, FloatArray

PATH_DECAY = 0.99
CODES, MIXED, AUGMENTED, PATH, MIRRORED, TILED, ASKED_FOR = range(7)
"""Streams of numbers of a step, each of its own key."""
ASKED = 64
"""Pictures of a kind that the discriminator is asked about, for `by_heart`."""


class Steps:
    """One step after another of both sides, on this worker's share of the batch."""

    def __init__(
        self,
        settings: GanSettings,
        state: GanState,
        pictures: Pictures,
        world: World,
        second: Pictures | None = None,
    ) -> None:
        self.second = second
        self.settings, self.state, self.pictures, self.world = settings, state, pictures, world
        self.game, self.augment = GAMES[settings.loss], AUGMENTATIONS[settings.augment]
        self.adaptive = settings.augment in ADAPTIVE
        self.scorers = scorers_of(settings.properties, world.device)
        share = share_of(settings.batch, world)
        self.mine = slice(world.rank * share, (world.rank + 1) * share)

    def take(self, number: int) -> Tensor:
        """The discriminator's step, then the generator's; the generator's loss."""
        reals = self._reals(number)
        self._discriminate(number, reals)
        loss = self._generate(number, reals)
        if self.settings.colours == "grey":
            without_colour(self.state.generator)
        if self.adaptive and (number + 1) % EVERY == 0:
            self._adapt()
        batch = self.settings.batch
        update_average(self.state.averaged, self.state.generator, batch, (number + 1) * batch)
        if self.state.condition is not None and self.state.averaged_condition is not None:
            update_average(self.state.averaged_condition, self.state.condition, batch, (number + 1) * batch)
        return loss

    def numbers(self, step: int) -> Mapping[str, float]:
        """What is told beside loss and time: kimg, and how the discriminator takes what it has and has not seen.

        `by_heart` is (D of training pictures - D of held-out ones) / (D of training pictures - D of samples): near 0
        where it judges pictures, near 1 where it knows them by heart. The sign of D alone does not see that. It is left
        out where there are fewer than `GROUP` of a kind to ask about.
        """
        kimg = {"kimg": step * self.settings.batch / 1000}
        if self.adaptive:
            kimg |= {"augment_p": self.state.chance, "real_sign": self.state.sign}
        if self.scorers:
            kimg |= self._followed(step)
        known = self.pictures.train, self.pictures.held_out
        if min(map(len, known)) < GROUP:
            return kimg
        discriminator = self.state.discriminator
        own, other = (float(asked(discriminator, part, ASKED).mean()) for part in known)
        with torch.no_grad():
            # in eval mode: nothing moves
            samples, _ = self._samples(step, self.state.averaged, slice(0, ASKED), exact=True)
            fake = float(discriminator(samples).mean())
        return {**kimg, "by_heart": (own - other) / (own - fake) if own != fake else 0.0}

    @torch.no_grad()
    def _followed(self, step: int) -> dict[str, float]:
        """How what samples have goes with what was asked for, from -1 to 1, by property; the share that is not read."""
        state, whole = self.state, slice(0, self.settings.batch)
        samples, _ = self._samples(step, state.averaged, whole, exact=True)
        got, names = scores_of(self.scorers, samples), names_of(self.settings.properties)
        found = followed(self._asked(step, whole), got).diagonal().tolist()
        unread = got.isnan().float().mean(dim=0).tolist()
        told = {f"follows_{name}": each for name, each in zip(names, found, strict=True)}
        return told | {f"unread_{name}": each for name, each in zip(names, unread, strict=True) if each}

    def _asked(self, number: int, which: slice) -> Tensor:
        """(n,P) standardised properties that samples of that step are to have."""
        condition = cast(Condition, self.state.condition)
        draws = self._uniforms(ASKED_FOR, number, len(self.scorers))[which]
        return condition.drawn(draws.to(self.world.device))

    def _missed(self, number: int, samples: Tensor) -> Tensor:
        """By how much samples are not what was asked for."""
        condition = cast(Condition, self.state.condition)
        return missed(condition.standard(scores_of(self.scorers, samples)), self._asked(number, self.mine))

    def _moved(self, number: int, samples: Tensor, *, exact: bool) -> Tensor:
        """By how much samples are not what the generator draws of their codes where nothing is asked for."""
        with torch.no_grad():
            as_they_were = self._samples(number, self.state.generator, self.mine, exact=exact, asks=False)[0]
        return (samples - as_they_were).abs().mean()

    def _judges(self, number: int) -> list[Judge]:
        return judges(self.settings, self.state.discriminators, self._uniforms(TILED, number, 2)[0])

    def _discriminate(self, number: int, reals: list[Tensor]) -> None:
        with torch.no_grad():
            fakes = self._samples(number, self.state.generator, self.mine)[0]
        for judge, pictures in zip(self._judges(number), reals, strict=True):
            self._learn_to_tell(number, judge, pictures, fakes)

    def _learn_to_tell(self, number: int, judge: Judge, reals: Tensor, fakes: Tensor) -> None:
        settings = self.settings
        real_seen = judge.view(self._seen(number, reals, real=True))
        fake_seen = judge.view(self._seen(number, fakes, real=False))
        real, fake = self._logits(judge, real_seen), self._logits(judge, fake_seen)
        if self.adaptive:
            self._count(real.detach() - fake.detach() if self.game.paired else real.detach())
        loss = self.game.discriminator(real, fake)
        if settings.gamma and number % settings.penalty_every == 0:
            sides = (real_seen, fake_seen) if self.game.paired else (real_seen,)
            penalty = sum(
                (gradient_penalty(judge.network, side) for side in sides), torch.zeros((), device=loss.device)
            )
            loss = loss + penalty * (settings.gamma / 2 * settings.penalty_every)
        self._descend(loss, judge.optimizer)

    def _generate(self, number: int, reals: list[Tensor]) -> Tensor:
        settings, state, each = self.settings, self.state, self._judges(number)
        for judge in each:
            _let_move(judge.optimizer, False)
        measured = bool(settings.path_weight) and number % settings.path_every == 0
        fakes, w_plus = self._samples(settings.steps + number, state.generator, self.mine, exact=measured)
        seen = self._seen(number, fakes, real=False)
        loss = torch.stack(
            [self._persuade(number, judge, part, seen) for judge, part in zip(each, reals, strict=True)]
        ).sum()
        whole = loss
        if self.scorers:
            whole = whole + settings.property_weight * self._missed(settings.steps + number, fakes)
        if self.scorers and settings.keep_weight:
            whole = whole + settings.keep_weight * self._moved(settings.steps + number, fakes, exact=measured)
        if measured:
            whole = whole + settings.path_weight * settings.path_every * self._path_penalty(number, fakes, w_plus)
        self._descend(whole, state.of_generator)
        for judge in each:
            _let_move(judge.optimizer, True)
        return loss.detach()

    def _persuade(self, number: int, judge: Judge, reals: Tensor, seen: Tensor) -> Tensor:
        """The generator's loss before one discriminator."""
        real = seen.new_zeros(())
        if self.game.paired:
            real = self._logits(judge, judge.view(self._seen(number, reals, real=True)))
        return self.game.generator(real, self._logits(judge, judge.view(seen)))

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

    def _descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        descend(loss, optimizer, _moved_by(optimizer), math.inf, self.world)

    def _reals(self, number: int) -> list[Tensor]:
        """This worker's share of each source."""
        sources = (self.pictures,) if self.second is None else (self.pictures, self.second)
        return [self._share(number, source.train) for source in sources]

    def _share(self, number: int, pictures: ByteArray) -> Tensor:
        settings = self.settings
        chosen = shown(settings, len(pictures), number * settings.batch, settings.batch)[self.mine]
        images = from_uint8(pictures[chosen])
        if settings.mirror:
            turned = self._uniforms(MIRRORED, number, 1)[self.mine, 0] < 0.5
            images = torch.where(turned[:, None, None, None], images.flip(3), images)
        return images.to(self.world.device)

    def _seen(self, number: int, images: Tensor, *, real: bool) -> Tensor:
        draws = self._uniforms(AUGMENTED, 2 * number + real, draws_of(self.settings.augment))[self.mine]
        if self.adaptive:
            return self.augment(images, draws, real=real, chance=self.state.chance)
        return self.augment(images, draws.to(images.device), real=real)

    def _logits(self, judge: Judge, images: Tensor) -> Tensor:
        """(N,) float32, whatever the discriminator computes in."""
        halved = self.settings.precision == "bfloat16"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=halved):
            logits: Tensor = judge.network(images)
        return logits.float()

    def _samples(
        self, number: int, network: nn.Module, which: slice, *, exact: bool = False, asks: bool = True
    ) -> tuple[Tensor, Tensor]:
        """((n,3,S,S) samples, (n,L,D) their codes), drawn from the numbers of that step; `exact` in float32.

        Without `asks` nothing is asked for.
        """
        settings, generator = self.settings, cast(Any, network)
        generator.precision = "float32" if exact else settings.precision
        codes = self._normals(CODES, number, (2, settings.z_dim))[which].to(self.world.device)
        w_plus = self._mapped(number, network, codes[:, 0], which, asks)
        if settings.second:
            other, row = self._mapped(number, network, codes[:, 1], which, asks), switch_row(settings.switch_side)
            w_plus = torch.cat([w_plus[:, :row], other[:, row:]], dim=1)
        elif settings.network == "stylegan2" and settings.mixing:
            draws = self._uniforms(MIXED, number, 2)[which].to(self.world.device)
            rows = torch.arange(w_plus.shape[1], device=w_plus.device)
            from_row = torch.where(draws[:, 0] < settings.mixing, 1 + draws[:, 1] * (len(rows) - 1), len(rows))
            other = self._mapped(number, network, codes[:, 1], which, asks)
            w_plus = torch.where((rows >= from_row.floor()[:, None])[..., None], other, w_plus)
        if exact and not w_plus.requires_grad:
            w_plus.requires_grad_()  # paths are measured by it, also where all of the mapping is frozen
        images: Tensor = generator.synthesize(w_plus)[0]
        return images, w_plus

    def _mapped(self, number: int, network: nn.Module, z: Tensor, which: slice, asks: bool) -> Tensor:
        """(n,L,D) codes, with what is asked for at that step."""
        state, generator = self.state, cast(Any, network)
        condition = state.averaged_condition if network is state.averaged else state.condition
        w = generator.map(z)
        if condition is not None and asks:
            w = condition(w, self._asked(number, which))
        w_plus: Tensor = generator.truncate(w)
        return w_plus

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
    for parameter in _moved_by(optimizer):
        parameter.requires_grad_(moves)


def _moved_by(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
