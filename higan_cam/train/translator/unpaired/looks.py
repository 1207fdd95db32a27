"""What is seen of training without pairs: errors that need none, a few times, and what monitors say at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from higan_cam.measure.generation.collapse import collapse
from higan_cam.measure.generation.translated import alike, inverted
from higan_cam.measure.generation.verdicts import Verdict
from higan_cam.measure.values import estimate_means
from higan_cam.relight import RESPONSES, Dial
from higan_cam.relight.translator import Translator, translate
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.loop import look_due
from higan_cam.train.translator.looks import LOOKED, TIMES, Look, keep_look
from higan_cam.train.translator.unpaired.reading import Folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.train.translator.unpaired.state import Learner
from higan_cam.types import ByteArray, FloatArray, Interval

JUDGED = 200
"""Pictures of each folder, at most, whose answers the monitors look at, held-out ones first."""


@dataclass(frozen=True, eq=False)
class UnpairedLooks:
    """Looks at one training, at up to `LOOKED` held-out pictures of either folder."""

    settings: UnpairedSettings
    folders: Folders

    def at_checkpoint(self, done: int, learner: Learner) -> None:
        """A look, where one is due."""
        settings = self.settings
        if look_due(settings, settings.steps, TIMES, done):
            curve = RESPONSES[settings.response]
            adds = Translator(learner.averaged_on, settings.side, curve)
            self.look(done, adds, Translator(learner.averaged_off, settings.side, curve, burning=True))

    def look(self, done: int, adds: Translator, takes: Translator) -> list[Look]:
        """Take it, keep it in the output, and give all looks so far."""
        off, on = (each.held_out[:LOOKED] for each in (self.folders.off, self.folders.on))
        figures = {
            name.replace("_", " "): each for name, each in errors(adds, takes, off, on, self.settings.seed).items()
        }
        return keep_look(self.settings.output, Look(done, done * self.settings.batch / 1000, figures))


def errors(adds: Translator, takes: Translator, off: ByteArray, on: ByteArray, seed: int) -> dict[str, Interval]:
    """Mean absolute differences of display values with 95% intervals: there and back, and where nothing is to be done.

    Args:
        off, on: (N,S,S,3) uint8 with the lamp off, and on.
    """
    columns = {
        "cycle_off": _apart(off, switched(takes, switched(adds, off))),
        "cycle_on": _apart(on, switched(adds, switched(takes, on))),
        "identity_off": _apart(off, switched(takes, off)),
        "identity_on": _apart(on, switched(adds, on)),
    }
    return {name: estimate_means({name: values}, seed)[name] for name, values in columns.items()}


def verdicts(made: str, translator: Translator, before: Pictures, kind: Pictures) -> list[Verdict]:
    """Colour inversion and collapse of what one direction makes of `judged_of(before)`: `made` is said in front."""
    shown = judged_of(before)
    reals, answers = np.concatenate([kind.held_out, kind.train]), switched(translator, shown)
    found = (inverted(shown, answers), alike(answers, reals), collapse(answers, reals))
    return [replace(each, words=f"Lamp {made}: {each.words}") for each in found]


def judged_of(pictures: Pictures) -> ByteArray:
    """(N,S,S,3) those that monitors look at, which the evidence of verdicts counts."""
    return np.concatenate([pictures.held_out, pictures.train])[:JUDGED]


def switched(translator: Translator, pictures: ByteArray) -> ByteArray:
    """(N,S,S,3) with the lamp switched the translator's way: on, or off where it burns."""
    dial = Dial(0 if translator.burning else 1)
    return np.stack([translate(translator, picture, None, dial) for picture in pictures])


def evidence(verdict: Verdict, before: ByteArray, translator: Translator, most: int) -> Sequence[ByteArray]:
    """Up to so many (S,2S,3): a picture beside its answer where colours turned over, else two answers that are alike.

    Args:
        before: (N,S,S,3) what the verdict was about, lamp off where `translator` switches it on.
    """
    turned, pairs = (verdict.evidence.get(name, ())[:most] for name in ("pictures", "pairs"))
    if not verdict.fault:
        return ()
    if turned:
        return tuple(np.concatenate([before[row], translate_one(translator, before[row])], axis=1) for row in turned)
    return tuple(np.concatenate([translate_one(translator, before[row]) for row in pair], axis=1) for pair in pairs)


def translate_one(translator: Translator, picture: ByteArray) -> ByteArray:
    """(S,S,3) as `switched`."""
    found: ByteArray = switched(translator, picture[None])[0]
    return found


def _apart(one: ByteArray, other: ByteArray) -> FloatArray:
    found: FloatArray = np.abs(one.astype(np.float64) - other).mean(axis=(1, 2, 3)) / 255
    return found
