"""`python -m tests.benchmarks.training_on_gpu --json out.json --minutes 15`: the trainer of generators on one GPU.

Rows in order of value, each written as soon as it is there, so that a session that ends early has the first ones:

    speed      pictures a second of StyleGAN2 and DCGAN at 64 to 512 px in both precisions
    augment    DiffAugment's order at 64 px: {200, 20,000} rooms x {none, DiffAugment}, Frechet distance
    transfer   128 px: from one layout to 200 rooms of the other, against scratch, with FreezeD
    lowshot    256 px: 100 rooms, with and without ADA

Pictures shown follow from the measured speed and the minutes that a row has (a quarter of all, the second row half).
`--device cpu --tiny` goes through the same lines with toy sizes and measures nothing of interest. Without a GPU every
row says "not measured". Nothing here needs the internet; distances are taken in the features of the embedded scorer,
and in EfficientNet-Lite0's where `higan-cam weights fetch efficientnet_lite0` has them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from higan_cam.errors import WeightsError
from higan_cam.files import write_whole
from higan_cam.generate import sample_latents, to_uint8
from higan_cam.measure.generation.compare import compare
from higan_cam.measure.generation.features import FEATURE_SPACES, FeatureSpace, feature_space
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.scene import Z_DIM
from higan_cam.train.gan.export import WEIGHTS, settled
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import PRECISIONS, GanSettings, recipe
from higan_cam.train.gan.state import start
from higan_cam.train.gan.steps import Steps
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.gan.watch import drawn
from higan_cam.train.settings import Progress, World
from higan_cam.types import ByteArray
from higan_cam.weights.files import save_tensors
from higan_cam.weights.paths import DISCRIMINATOR
from tests.benchmarks.gpu_timing import seconds_of
from tests.benchmarks.timing import machine

TRAINED, OTHERS = 77, 78
"""Seeds of rooms to train on and of rooms to compare with."""
ROWS = ("speed", "augment", "transfer", "lowshot")
SHARES = {"speed": 0.15, "augment": 0.45, "transfer": 0.2, "lowshot": 0.2}
"""Of the minutes."""
PUBLISHED = {
    64: (256, 256, 256, 128, 64),
    128: (256, 256, 256, 256, 128, 64),
    256: (512, 512, 512, 512, 256, 128, 64),
    512: (512, 512, 512, 512, 256, 128, 64, 32),
}
"""Channels from 4 px up: at 256 and 512 px half of StyleGAN2's (its `paper256`), less below."""


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    sides: tuple[int, ...] = (64, 128, 256, 512)
    few: int = 200
    many: int = 20_000
    compared: int = 2000
    batch: int = 32
    low: tuple[int, int, int] = (64, 128, 256)
    """Sides of `augment`, `transfer` and `lowshot`."""
    frozen: int = 2
    """Layers of the discriminator in FreezeD."""
    width: int = 64
    """DCGAN's channels at half the side."""
    channels: Mapping[int, tuple[int, ...]] = field(default_factory=lambda: PUBLISHED)


TINY = Sizes(
    (32,), few=8, many=32, compared=64, batch=8, low=(32, 32, 32), frozen=1, width=8, channels={32: (8, 8, 8, 8)}
)


class Bench:
    """What rows share: where they write, what they compare with, how long they may take."""

    def __init__(self, options: argparse.Namespace, place: Path) -> None:
        self.options, self.place = options, place
        self.device: str = options.device
        self.sizes = TINY if options.tiny else Sizes()
        self.found: dict[str, Any] = {"machine": machine(), "device": _name(self.device), "rows": []}
        self.spaces = dict(_spaces(self.device))

    def note(self, row: str, **values: Any) -> None:
        """Keep and print a line; the file is whole at every moment."""
        line = {"row": row, **{name: round(v, 4) if isinstance(v, float) else v for name, v in values.items()}}
        self.found["rows"].append(line)
        print(json.dumps(line), flush=True)
        if self.options.json is not None:
            write_whole(self.options.json, (json.dumps(self.found, indent=1) + "\n").encode())

    def seconds(self, row: str) -> float:
        """That a row may take."""
        return float(60 * self.options.minutes * SHARES[row])

    def settings(self, side: int, name: str, **said: Any) -> GanSettings:
        """Of a StyleGAN2 with the channels of that side."""
        usual: dict[str, Any] = {
            "side": side,
            "channels": self.sizes.channels[side],
            "batch": self.sizes.batch,
            "z_dim": Z_DIM,
        }
        return recipe(
            "stylegan2",
            **(usual | {"output": str(self.place / name), "pictures": "rooms", "precision": "bfloat16"} | said),
        )

    def train(self, row: str, arm: str, settings: GanSettings, train: ByteArray, reference: ByteArray) -> None:
        """One training, its distance to rooms that nothing was trained on, and its weights for who goes on from it."""
        settings = replace(settings, checkpoint_every=10**9)
        began = time.perf_counter()
        state = fit_gan(settings, _pictures(train), _silent, World(device=self.device))
        seconds, network = time.perf_counter() - began, settled(settings, state)
        for name, part in ((WEIGHTS, network), (DISCRIMINATOR, state.discriminator)):
            tensors = {key: value.cpu() for key, value in part.state_dict().items()}
            save_tensors(Path(settings.output) / name, tensors, {})
        samples = drawn(settings, network, range(len(reference)))
        figures: dict[str, float] = {}
        for name, space in self.spaces.items():
            found = compare(space, reference, samples, kept=None).figures
            figures |= {f"{figure}, {name}": each.value for figure, each in found.items()}
        self.note(row, arm=arm, kimg=settings.images / 1000, seconds=seconds, **figures)


def speed(bench: Bench) -> None:
    """Pictures a second of whole steps between penalties."""
    for network in ("stylegan2", "dcgan"):
        for side in bench.sizes.sides:
            pictures = _pictures(_rooms(TRAINED, bench.sizes.batch, side))
            for precision in PRECISIONS:
                said: dict[str, Any] = {"precision": precision, "batch": bench.sizes.batch}
                if network == "stylegan2":
                    settings = bench.settings(side, "speed", **said)
                else:
                    settings = recipe(
                        "dcgan", output=str(bench.place), pictures="rooms", side=side, width=bench.sizes.width, **said
                    )
                rate = _rate(settings, pictures, bench)
                bench.note("speed", network=network, side=side, precision=precision, per_second=rate)


def augment(bench: Bench) -> None:
    """DiffAugment's published order: it helps with few pictures and not with many."""
    side, sizes = bench.sizes.low[0], bench.sizes
    reference = _rooms(OTHERS, sizes.compared, side)
    images = _images(bench, "augment", side, arms=4)
    for count in (sizes.few, sizes.many):
        train = _rooms(TRAINED, count, side)
        for name in ("none", "diffaugment"):
            settings = bench.settings(side, f"{count}-{name}", images=images, augment=name)
            bench.train("augment", f"{count} rooms, {name}", settings, train, reference)


def transfer(bench: Bench) -> None:
    """From one layout to a few rooms of the other."""
    side, sizes = bench.sizes.low[1], bench.sizes
    reference, few = _rooms(OTHERS, sizes.compared, side, 1), _rooms(TRAINED, sizes.few, side, 1)
    images = _images(bench, "transfer", side, arms=3)
    source = bench.settings(side, "source", images=images)
    bench.train("transfer", "source", source, _rooms(TRAINED, sizes.many // 4, side, 0), reference)
    third = max(sizes.batch, images // 3)
    arms: Mapping[str, Mapping[str, Any]] = {
        "fine-tuned": {},
        f"FreezeD {sizes.frozen}": {"freeze_discriminator": sizes.frozen},
    }
    for arm, said in arms.items():
        usual: dict[str, Any] = {"output": str(bench.place / arm), "pictures": "rooms", "precision": "bfloat16"}
        told: dict[str, Any] = {**usual, "images": third, "batch": sizes.batch, **said}
        settings = transferred(f"{source.output}/{WEIGHTS}", **told)
        bench.train("transfer", arm, settings, few, reference)
    bench.train("transfer", "scratch", bench.settings(side, "scratch", images=third), few, reference)


def lowshot(bench: Bench) -> None:
    """A hundred pictures at 256 px."""
    side, sizes = bench.sizes.low[2], bench.sizes
    train, reference = _rooms(TRAINED, sizes.few // 2, side), _rooms(OTHERS, sizes.compared, side)
    images = _images(bench, "lowshot", side, arms=2)
    for name in ("none", "ada"):
        settings = bench.settings(side, f"low-{name}", images=images, augment=name, ada_kimg=100.0)
        bench.train("lowshot", name, settings, train, reference)


def _rate(settings: GanSettings, pictures: Pictures, bench: Bench) -> float:
    """Pictures a second; 0 where there is too little memory."""
    try:
        game = Steps(settings, start(settings, bench.device), pictures, World(device=bench.device))
        game.take(0)
        least = 0.02 if bench.options.tiny else 1.0
        return settings.batch / seconds_of(lambda: game.take(1), bench.device, least)
    except torch.OutOfMemoryError:
        return 0.0


def _images(bench: Bench, row: str, side: int, arms: int) -> int:
    """Pictures that each of so many trainings can be shown in the row's time, by a speed measured now."""
    if bench.options.tiny:
        return 4 * bench.sizes.batch
    settings = bench.settings(side, "rate")
    rate = _rate(settings, _pictures(_rooms(TRAINED, bench.sizes.batch, side)), bench)
    return max(settings.batch, int(0.75 * rate * bench.seconds(row) / arms))  # penalties, rendering and comparing


def _rooms(seed: int, count: int, side: int, layout: int | None = None) -> ByteArray:
    """(count,S,S,3) renders; of one layout where it is named."""
    found = []
    for first in range(0, count, 250):
        scene = scene_of(sample_latents(range(first, min(count, first + 250)), seed, Z_DIM))
        if layout is not None:
            scene = replace(scene, layout=np.full_like(scene.layout, layout))
        found.append(to_uint8(render(scene, side)))
    return np.concatenate(found)


def _pictures(train: ByteArray) -> Pictures:
    return Pictures(train, train[:0], "0" * 64, ())


def _spaces(device: str) -> Iterator[tuple[str, FeatureSpace]]:
    for name in FEATURE_SPACES:
        try:
            yield name, feature_space(name, device)
        except WeightsError as error:
            print(f"not measured by {name}: {error}", file=sys.stderr)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def _silent(_: Progress) -> None:
    """Nobody watches."""


TAKEN: dict[str, Callable[[Bench], None]] = dict(zip(ROWS, (speed, augment, transfer, lowshot), strict=True))


def main() -> int:
    """Status 0, also where nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; default all")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = options.rows or ROWS
    if unknown := sorted(set(rows) - set(ROWS)):
        parser.error(f"unknown rows {', '.join(unknown)}; known: {', '.join(ROWS)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        print("\n".join(f"{row}: not measured" for row in rows))
        return 0
    with tempfile.TemporaryDirectory(prefix="gan-gpu-") as place:
        bench = Bench(options, Path(place))
        for row in rows:
            try:
                TAKEN[row](bench)
            except torch.OutOfMemoryError as error:
                bench.note(row, not_measured=str(error).splitlines()[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
