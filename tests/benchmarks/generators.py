"""`python -m tests.benchmarks.generators full|long|transfer|lowshot`: generators trained on renders of rooms.

Budgets are in pictures, CPU seconds are told beside them; samples are compared with renders that nothing was trained
on, in the features of EfficientNet-Lite0 (`higan-cam weights fetch efficientnet_lite0`) and of the scorer of rooms.
Arms of one seed take turns in one process. Predictions are written before the figures: higan_cam/train/README.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from higan_cam.generate import sample_latents, to_uint8
from higan_cam.measure.generation.compare import compare
from higan_cam.measure.generation.factors import compare_factors
from higan_cam.measure.generation.features import FEATURE_SPACES, feature_space
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.scene import Z_DIM
from higan_cam.train.distill.reader import RoomReaderSettings, fit_room_reader
from higan_cam.train.gan.export import WEIGHTS, settled
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings, recipe
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.gan.watch import drawn
from higan_cam.train.reader import looked_at, read
from higan_cam.train.settings import Progress
from higan_cam.types import ByteArray
from higan_cam.weights.files import save_tensors
from higan_cam.weights.paths import DISCRIMINATOR

SIDE, COMPARED, FEW = 32, 2000, 200
TRAINED, OTHERS = 77, 78
"""Seeds of rooms to train on and of rooms to compare with."""


def rooms(seed: int, count: int, layout: int | None = None) -> ByteArray:
    """(count,32,32,3) renders; of one layout where it is named."""
    found = []
    for first in range(0, count, 250):
        scene = scene_of(sample_latents(range(first, min(count, first + 250)), seed, Z_DIM))
        if layout is not None:
            scene = replace(scene, layout=np.full_like(scene.layout, layout))
        found.append(to_uint8(render(scene, SIDE)))
    return np.concatenate(found)


class Arms:
    """Trains, compares and tells, arm by arm."""

    def __init__(self, place: Path, reference: ByteArray) -> None:
        self.place, self.reference, self.kept = place, reference, dict[str, Any]()
        self.spaces = {name: feature_space(name) for name in FEATURE_SPACES}
        self.reader = fit_room_reader(RoomReaderSettings(output=str(place / "reader")), _silent)
        self.renders = read(self.reader, looked_at(reference))
        self.rows: list[dict[str, Any]] = []

    def take(self, name: str, seed: int, settings: GanSettings, train: ByteArray) -> GanSettings:
        """One training; its weights lie in the settings' output afterwards."""
        pictures, began = Pictures(train, train[:0], "0" * 64, ()), time.process_time()
        state = fit_gan(settings, pictures, _silent)
        seconds, network = time.process_time() - began, settled(settings, state)
        save_tensors(Path(settings.output) / WEIGHTS, network.state_dict(), {})
        save_tensors(Path(settings.output) / DISCRIMINATOR, state.discriminator.state_dict(), {})
        samples = drawn(settings, network, range(COMPARED))
        row: dict[str, Any] = {"arm": name, "seed": seed, "kimg": settings.images / 1000, "cpu_s": round(seconds, 1)}
        for features, space in self.spaces.items():
            figures = compare(space, self.reference, samples, kept=self.kept).figures
            row |= {f"{figure}, {features}": round(each.value, 4) for figure, each in figures.items()}
        factors = compare_factors(read(self.reader, looked_at(samples)), self.renders)
        row |= {f"apart, {name}": round(each, 3) for name, each in factors.distances.items()}
        row |= {"undecided": round(factors.undecided.value, 3), "recall of cells": round(factors.recall, 3)}
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        return settings

    def output(self, name: str, seed: int) -> str:
        """A folder for an arm."""
        return str(self.place / f"{name}-{seed}")


def full(arms: Callable[[ByteArray], Arms], seeds: range, images: int = 32_000) -> Arms:
    """20,000 rooms of both layouts; so many pictures shown are about a minute of one core."""
    train, found = rooms(TRAINED, 20_000), arms(rooms(OTHERS, COMPARED))
    for seed in seeds:
        settings = _dcgan(output=found.output("full", seed), images=images, seed=seed)
        found.take("20,000 rooms", seed, settings, train)
    return found


def transfer(arms: Callable[[ByteArray], Arms], seeds: range) -> Arms:
    """From 10,000 rooms of one layout to 200 of the other, 10,000 pictures shown, against scratch."""
    found, source, few = arms(rooms(OTHERS, COMPARED, 1)), rooms(TRAINED, 10_000, 0), rooms(TRAINED, FEW, 1)
    for seed in seeds:
        before = found.take(
            "source, other layout", seed, _dcgan(output=found.output("source", seed), images=40_000, seed=seed), source
        )
        ways: Mapping[str, Mapping[str, Any]] = {
            "fine-tuned": {},
            "fine-tuned, FreezeD 1": {"freeze_discriminator": 1},
            "fine-tuned, DiffAugment": {"augment": "diffaugment"},
        }
        told: dict[str, Any] = {"pictures": "rooms", "images": 10_000, "seed": seed, "checkpoint_every": 10_000}
        found.take("scratch", seed, _dcgan(output=found.output("scratch", seed), images=10_000, seed=seed), few)
        for number, (name, said) in enumerate(ways.items()):
            settings = transferred(
                f"{before.output}/{WEIGHTS}", output=found.output(f"way{number}", seed), **told, **said
            )
            found.take(name, seed, settings, few)
    return found


def lowshot(arms: Callable[[ByteArray], Arms], seeds: range) -> Arms:
    """200 rooms, 25,000 pictures shown, by augmentation."""
    found, few = arms(rooms(OTHERS, COMPARED)), rooms(TRAINED, FEW)
    for seed in seeds:
        for augment in ("none", "classic", "diffaugment", "ada"):
            output = found.output(augment, seed)
            found.take(augment, seed, _dcgan(output=output, images=25_000, seed=seed, augment=augment), few)
    return found


ROWS: dict[str, Callable[[Callable[[ByteArray], Arms], range], Arms]] = {
    "full": full,
    "long": partial(full, images=360_000),
    "transfer": transfer,
    "lowshot": lowshot,
}


def _dcgan(**said: Any) -> GanSettings:
    return recipe("dcgan", pictures="rooms", side=SIDE, checkpoint_every=10_000, **said)


def _silent(_: Progress) -> None:
    """Nobody watches."""


def main() -> None:
    """Train the arms asked for; a line of JSON each as it is done, all of them in --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", choices=ROWS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        tables = {
            row: ROWS[row](lambda reference: Arms(Path(place), reference), range(told.seeds)).rows for row in told.rows
        }
    if told.json is not None:
        told.json.write_text(json.dumps(tables, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
