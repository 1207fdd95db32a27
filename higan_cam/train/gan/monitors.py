"""All verdicts on a finished training, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from higan_cam.losses.adversarial import GAMES
from higan_cam.measure.generation.collapse import collapse
from higan_cam.measure.generation.copies import copies
from higan_cam.measure.generation.verdicts import Verdict, all_numbers, has_won, not_measured, overfit
from higan_cam.store.canonical import digest
from higan_cam.train.gan.discriminators import asked
from higan_cam.train.gan.leaked import LEAST_HELD_OUT, leaked, sight_of
from higan_cam.train.gan.leaks import LeakSettings, fit_detector
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState
from higan_cam.train.gan.watch import Watching
from higan_cam.train.settings import Report
from higan_cam.types import ByteArray, FloatArray

ASKED = 1000
"""Pictures of a kind that the discriminator is asked about, at most."""
FOLDER = "monitors"
"""Of the detector's checkpoint, in the run's output."""


@dataclass(frozen=True, kw_only=True)
class MonitorSettings:
    """What the monitors are told."""

    output: str
    """Folder or URI of the run; the leak detector's checkpoint lies in `FOLDER` in it."""
    mirror: bool = False
    """Whether training pictures were mirrored on purpose."""
    leak_steps: int = LeakSettings.steps
    """Of the leak detector's training; 0 leaves it out."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Judged:
    """The discriminator's logits of training pictures, held-out pictures and samples, (n,) each; empty is unknown.

    `paired`: whether its loss looks at differences of logits only, as `GAMES` says.
    """

    own: FloatArray = field(default_factory=lambda: np.zeros(0))
    other: FloatArray = field(default_factory=lambda: np.zeros(0))
    fake: FloatArray = field(default_factory=lambda: np.zeros(0))
    paired: bool = False


def verdicts(
    pictures: ByteArray,
    held_out: ByteArray,
    samples: ByteArray,
    settings: MonitorSettings,
    report: Report,
    judged: Judged = Judged(),
    numbers: Mapping[str, FloatArray] | None = None,
) -> tuple[Verdict, ...]:
    """Numbers, discriminator, overfit, collapse, copies and leak, in that order, whatever of it can be said.

    Args:
        pictures, held_out, samples: (N,S,S,3) uint8 of one side, a multiple of 8; 1,000 samples are enough.
        judged: see `judged_by`.
        numbers: arrays that have to be numbers, by name: weights, losses.

    Raises:
        ConfigError: the detector's checkpoint in the output is of other pictures or settings.
        DataError: other arrays.
    """
    return (
        all_numbers(numbers or {}),
        has_won(judged.own, judged.fake, paired=judged.paired),
        overfit(judged.own, judged.other, judged.fake, seed=settings.seed),
        collapse(samples, pictures, seed=settings.seed),
        copies(samples, pictures, held_out, mirror=settings.mirror),
        _leak(pictures, held_out, samples, settings, report),
    )


def judge(
    settings: GanSettings,
    watching: Watching,
    pictures: Pictures,
    state: GanState,
    samples: ByteArray,
    report: Report,
) -> tuple[Verdict, ...]:
    """The verdicts on a training that has ended, by its pictures and its discriminator.

    With two sources each discriminator sees a part of what there is, so they are not asked.
    """
    discriminator = state.discriminator
    kinds = (pictures.train, pictures.held_out, samples)
    judged = judged_by(discriminator, *kinds, paired=GAMES[settings.loss].paired) if not settings.second else Judged()
    weights = {"generator": state.averaged, "discriminator": discriminator}
    numbers = {
        f"{network}.{name}": value.detach().float().cpu().numpy()
        for network, each in weights.items()
        for name, value in each.state_dict().items()
        if value.is_floating_point()
    }
    told = MonitorSettings(
        output=settings.output, mirror=settings.mirror, leak_steps=watching.leak_steps, seed=settings.seed
    )
    return verdicts(*kinds, told, report, judged, numbers)


def judged_by(
    discriminator: nn.Module, pictures: ByteArray, held_out: ByteArray, samples: ByteArray, *, paired: bool = False
) -> Judged:
    """What a discriminator says of up to `ASKED` of each."""
    own, other, fake = (asked(discriminator, part, ASKED) for part in (pictures, held_out, samples))
    return Judged(own, other, fake, paired)


def _leak(
    pictures: ByteArray, held_out: ByteArray, samples: ByteArray, settings: MonitorSettings, report: Report
) -> Verdict:
    if not settings.leak_steps:
        return not_measured("leak", "It was not asked for: the detector takes some 30 s of a core to train.")
    if len(held_out) < LEAST_HELD_OUT:
        reason = f"{LEAST_HELD_OUT} held-out pictures are needed to know what can be told, there are {len(held_out)}."
        return not_measured("leak", reason)
    told = LeakSettings(
        output=f"{settings.output.rstrip('/')}/{FOLDER}",
        pictures_sha256=digest(pictures.tobytes()),
        steps=settings.leak_steps,
        seed=settings.seed,
    )
    reader = fit_detector(told, pictures, report)
    sight = sight_of(reader, held_out, settings.seed)
    return leaked(reader, sight, samples, mirror=settings.mirror, seed=settings.seed)
