"""What is seen of a translator while it learns: how near it comes on pairs of either split, a few times.

Nothing here changes what is trained. The history is written whole, and what lies beyond the checkpoint that training
goes on from is taken anew, so it does not tell that a training was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from higan_cam.files import write_whole
from higan_cam.measure.light.relit import psnr
from higan_cam.measure.light.translated import switched_rooms
from higan_cam.measure.values import estimate_means
from higan_cam.relight.translator import Translator, translate
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.rooms.photos import PHOTO_SEED
from higan_cam.train.files import json_text
from higan_cam.train.loop import look_due
from higan_cam.train.translator.pairs import FULL, Stored
from higan_cam.train.translator.reading import Read
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.types import ByteArray, Interval

HISTORY = "history.json"
TIMES, LOOKED = 6, 32
"""Looks, evenly over the training, and pairs of each split that are looked at."""
HELD_OUT, TRAINED_ON = "held out", "trained on"


@dataclass(frozen=True)
class Look:
    """After so many steps, thousands of pairs (or of pictures of each kind) shown: figures with 95% intervals, of pairs
    dB against the true pictures by split."""

    step: int
    kpairs: float
    figures: Mapping[str, Interval]


@dataclass(frozen=True, eq=False)
class Looks:
    """Looks at one training; `shown` is what at, by split."""

    settings: TranslatorSettings
    shown: Mapping[str, Stored]

    def at_checkpoint(self, done: int, network: TranslatorNetwork) -> None:
        """A look, where one is due."""
        settings = self.settings
        if look_due(settings, settings.steps, TIMES, done):
            self.look(done, Translator(network, settings.side, settings.curve, settings.attribute))

    def look(self, done: int, translator: Translator) -> list[Look]:
        """Take it, keep it in the output, and give all looks so far."""
        figures = dict[str, Interval]()
        for split, stored in self.shown.items():
            values = [psnr(*pair) for pair in zip(answers(translator, stored), stored.on, strict=True)]
            figures |= estimate_means({split: np.array(values)}, self.settings.seed)
        return keep_look(self.settings.output, Look(done, done * self.settings.batch / 1000, figures))


def keep_look(output: str, look: Look) -> list[Look]:
    """Put a look into the history of an output, in the place of what lies beyond it, and give all looks so far."""
    path = Path(output) / HISTORY
    every = [*(each for each in read_looks(path) if each.step < look.step), look]
    write_whole(path, json_text({"looks": [asdict(each) for each in every]}).encode())
    return every


def read_looks(path: Path) -> list[Look]:
    """Every look in a history, in order; none where there is none."""
    rows = json.loads(path.read_bytes())["looks"] if path.exists() else []
    return [Look(row["step"], row["kpairs"], {name: Interval(**each) for name, each in _figures(row)}) for row in rows]


def _figures(row: dict[str, Any]) -> Iterable[tuple[str, dict[str, float]]]:
    figures: dict[str, dict[str, float]] = row.get("figures") or row["psnr"]  # as trainings begun before have it
    return figures.items()


def shown_of(settings: TranslatorSettings, read: Read | None) -> dict[str, Stored]:
    """What looks are at: pairs of latents, or names, that are trained on and that are not; of rooms, each of which is
    trained on once, only others."""
    if read is not None:
        return {HELD_OUT: _first(read.held_out), TRAINED_ON: _first(read.train)}
    rooms = list(switched_rooms(PHOTO_SEED, LOOKED, settings.side))
    off, on = (np.stack([room.every(gain) for room in rooms]) for gain in (0, 1))
    masks = np.stack([room.shades.any(axis=0) for room in rooms])
    return {HELD_OUT: Stored(off, on, (FULL * masks).astype(np.uint8))}


def answers(translator: Translator, stored: Stored) -> ByteArray:
    """(N,S,S,3) the pictures with the light that the translator adds."""
    masks = stored.masks.astype(np.float32) / FULL
    return np.stack([translate(translator, *pair) for pair in zip(stored.off, masks, strict=True)])


def looks_table(looks: list[Look]) -> str:
    """Markdown."""
    splits = list(looks[-1].figures)
    rows = "\n".join(
        f"| {look.kpairs:.3g} | "
        + " | ".join(f"{each.value:.2f} [{each.low:.2f}, {each.high:.2f}]" for each in look.figures.values())
        + " |"
        for look in looks
    )
    return (
        f"While it learned, on up to {LOOKED} pairs of each, dB:\n\n| thousands of pairs | {' | '.join(splits)} |\n"
        f"| --- |{' --- |' * len(splits)}\n{rows}\n"
    )


def _first(stored: Stored) -> Stored:
    return Stored(stored.off[:LOOKED], stored.on[:LOOKED], stored.masks[:LOOKED])
