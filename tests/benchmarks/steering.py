"""`python -m tests.benchmarks.steering properties sources faces`: are samples what they were made to follow.

Faces: see `asked_faces`. Rooms: both start at the embedded generator as far as 32 px, whose rooms are sharp; what
samples show is read by the reader of rooms, which no training has seen. Predictions are written before the figures:
higan_cam/train/gan/steering/README.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.generate import load_generator, sample_latents, to_uint8
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.measure.generation.factors import BINARY, LIT, READ, UNDECIDED
from higan_cam.rooms import Scene, render, scene_of
from higan_cam.rooms.scene import COLOURS, OBJECTS, Z_DIM
from higan_cam.train.distill.reader import RoomReaderSettings, fit_room_reader
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.steering.conditions import Condition
from higan_cam.train.gan.steering.properties import scorers_of, scores_of
from higan_cam.train.gan.steering.sources import switch_row
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.gan.watch import tiled
from higan_cam.train.reader import Reader, read
from higan_cam.train.settings import Progress
from higan_cam.types import ByteArray, FloatArray
from higan_cam.weights.files import save_tensors
from tests.benchmarks import asked_faces
from tests.benchmarks.asked_faces import LEVELS

SIDE, TRAINED, JUDGED, LABELLED = 32, 2_000, 200, 1_000
ROOMS, CODES = 77, 91
"""Seeds of the rooms to train on and of the codes that are judged."""
PROPERTY = "lighting"
KEPT = list(range(len(BINARY)))
LAMPS = [READ.index(name) for name in LIT]
LOOK = ("wall_warmth", "wall_lightness", "floor_tone")


class Rooms:
    """The small generator's file, and what reads pictures."""

    def __init__(self, place: Path) -> None:
        self.place, self.init = place, str(place / "small.safetensors")
        save_tensors(self.init, small().state_dict(), {})
        self.reader: Reader = fit_room_reader(RoomReaderSettings(output=str(place / "reader")), _silent)

    def read(self, images: Tensor) -> FloatArray:
        """(N,F) readings of (N,3,32,32)."""
        return read(self.reader, images)


def small() -> StyleGAN2:
    """The embedded generator without the layers above 32 px: it was trained one side after another."""
    whole = cast(StyleGAN2, load_generator("rooms", truncation_psi=1.0, truncation_layers=0))
    layers = sum(1 for name, _ in whole.mapping.named_children() if name.startswith("dense"))
    found = StyleGAN2(
        resolution=SIDE,
        z_dim=Z_DIM,
        w_dim=whole.w_dim,
        mapping_layers=layers,
        mapping_width=Z_DIM,
        channels=whole.channels[:4],
        noise_channels="per_channel",
    )
    own, given = found.state_dict(), whole.state_dict()
    found.load_state_dict({name: given[name] if name != "truncation.truncation" else own[name] for name in own})
    return found.eval()


def rooms(count: int, seed: int, change: Callable[[Scene], Scene] = lambda scene: scene) -> Pictures:
    """Renders, each room changed first."""
    found = [
        to_uint8(render(change(scene_of(sample_latents(range(first, first + 250), seed, Z_DIM))), SIDE))
        for first in range(0, count, 250)
    ]
    every = np.concatenate(found)
    return Pictures(every, every[:0], "0" * 64, ())


@torch.no_grad()
def drawn(generator: Any, w: Tensor) -> Tensor:
    """(N,w_dim) or (N,L,w_dim) -> (N,3,S,S)."""
    w_plus = generator.truncate(w) if w.dim() == 2 else w
    return torch.cat([generator.synthesize(part)[0] for part in w_plus.split(50)])


def z_of(first: int, count: int) -> Tensor:
    """(count,128) codes, of unit length times sqrt(128) as training has them."""
    return torch.from_numpy(sample_latents(range(first, first + count), CODES, Z_DIM, normalize=False))


Edit = Callable[[Tensor, float], Tensor]
"""(N,w_dim) codes, level -> (N,3,S,S)."""


@torch.no_grad()
def judged(rooms: Rooms, condition: Condition, w: Tensor, edit: Edit) -> dict[str, float]:
    """How an edit does what it is asked for, and what else it does."""
    scorer = scorers_of([PROPERTY])
    images = [edit(w, level) for level in LEVELS]
    scores = torch.stack([condition.standard(scores_of(scorer, each))[:, 0] for each in images])
    readings = np.stack([rooms.read(each) for each in images])
    asked = np.repeat(LEVELS, len(w))
    lamps = readings[:, :, LAMPS].sum(axis=2)
    ends = readings[[0, -1]][:, :, KEPT]
    known: Any = ((ends < UNDECIDED[0]) | (ends > UNDECIDED[1])).all(axis=0)
    flipped: Any = np.not_equal(ends[0] > 0.5, ends[1] > 0.5)
    by_room = [flipped[row][known[row]].mean() for row in range(len(w)) if known[row].any()]
    draws = np.random.default_rng(0).integers(0, len(by_room), (1000, len(by_room)))
    low, high = np.quantile(np.array(by_room)[draws].mean(axis=1), (0.025, 0.975))
    others = np.abs(readings[-1] - readings[0])[:, [READ.index(name) for name in (*LOOK, "exposure")]].mean(axis=0)
    return {
        "asked and scored": float(np.corrcoef(asked, scores.flatten())[0, 1]),
        "asked and lamps lit": float(np.corrcoef(asked, lamps.flatten())[0, 1]),
        "scored, over asked": float(np.polyfit(asked, scores.flatten(), 1)[0]),
        "lamps lit, more": float(lamps[-1].mean() - lamps[0].mean()),
        "flipped": float(np.mean(by_room)),
        "flipped, low": float(low),
        "flipped, high": float(high),
        "flipped, layout": float(flipped[:, BINARY.index("layout")][known[:, BINARY.index("layout")]].mean()),
        "undecided": float(1 - known.mean()),
        **{f"moved, {name}": float(each) for name, each in zip((*LOOK, "exposure"), others, strict=True)},
    }


def as_strong(rooms: Rooms, condition: Condition, generator: Any, normal: Tensor, w: Tensor, slope: float) -> float:
    """By how far to move along `normal` for a level, so that scores rise as fast with what is asked for."""
    scorer = scorers_of([PROPERTY])
    lengths = (0.5, 1.0, 2.0, 4.0, 8.0)
    slopes = []
    for length in lengths:
        ends = [
            condition.standard(scores_of(scorer, drawn(generator, w + level * length * normal))).mean()
            for level in (LEVELS[0], LEVELS[-1])
        ]
        slopes.append(float(ends[1] - ends[0]) / (LEVELS[-1] - LEVELS[0]))
    print(json.dumps({"lengths": lengths, "slopes": slopes}), flush=True)
    return float(np.interp(slope, slopes, lengths))


def properties(rooms_: Rooms, seeds: range, kimg: float) -> None:
    """A condition beside a frozen generator, one with which the generator moves, and the SVM's edit as strong."""
    train = rooms(TRAINED, ROOMS)
    for seed in seeds:
        for name, said in (("frozen", {"freeze": ("generator.*",)}), ("free", {})):
            settings = transferred(
                rooms_.init,
                output=str(rooms_.place / f"{name}-{seed}"),
                pictures="rooms",
                images=round(1000 * kimg),
                seed=seed,
                properties=(PROPERTY,),
                precision="bfloat16",
                checkpoint_every=10_000,
                **cast(Any, said),
            )
            began = time.process_time()
            state = fit_gan(settings, train, _silent)
            seconds = time.process_time() - began
            generator, condition = cast(Any, state.averaged), cast(Condition, state.averaged_condition)
            generator.precision = "float32"
            with torch.no_grad():
                w = generator.map(z_of(0, JUDGED))

            def ask(codes: Tensor, level: float, generator: Any = generator, condition: Any = condition) -> Tensor:
                return drawn(generator, condition(codes, torch.full((len(codes), 1), level)))

            found = judged(rooms_, condition, w, ask)
            say(f"asked, {name}", seed, found, seconds=seconds)
            if name == "frozen":
                save(rooms_.place, f"asked-{seed}", [ask(w[:8], level) for level in LEVELS])
            normal = svm(generator, condition, seed)
            length = as_strong(rooms_, condition, generator, normal, w[:32], found["scored, over asked"])

            def move(codes: Tensor, level: float, generator: Any = generator, step: Tensor = length * normal) -> Tensor:
                return drawn(generator, codes + level * step)

            say(f"SVM, the same generator ({name})", seed, judged(rooms_, condition, w, move), length=length)


@torch.no_grad()
def svm(generator: Any, condition: Condition, seed: int) -> Tensor:
    """(w_dim,) the unit normal between strong and weak samples of the generator, by the same scorer."""
    z = z_of(100_000 * (1 + seed), LABELLED)
    codes = generator.map(z)
    scores = scores_of(scorers_of([PROPERTY]), drawn(generator, codes))[:, 0].numpy()
    return asked_faces.normal_of(codes.numpy(), scores, PROPERTY, seed)


def source(warm: float, layout: float) -> Callable[[Scene], Scene]:
    """Rooms of one layout, walls and floor of one look: `warm` of .85 warm, light, light floor; .15 the contrary."""

    def change(scene: Scene) -> Scene:
        colour, spread = scene.colour.copy(), np.random.default_rng(3).uniform(-0.1, 0.1, (len(scene), len(LOOK)))
        for place, name in enumerate(LOOK):
            colour[:, COLOUR_NAMES.index(name)] = warm + spread[:, place]
        objects = scene.objects.copy()
        objects[:, list(OBJECTS).index("wardrobe")] = 1 - layout
        return replace(scene, layout=np.full_like(scene.layout, layout), colour=colour, objects=objects)

    return change


def sources(rooms_: Rooms, seeds: range, kimg: float) -> None:
    """A: one layout, wardrobes, dark cold walls. B: the other, none, light warm ones."""
    first, second = rooms(TRAINED, ROOMS, source(0.15, 0.0)), rooms(TRAINED, ROOMS + 1, source(0.85, 1.0))
    folder = rooms_.place / "second"
    folder.mkdir()
    for number, image in enumerate(second.train):
        cv2.imwrite(str(folder / f"{number:05d}.png"), image[:, :, ::-1])
    ends = [rooms_.read(looked(part.train[:500])).mean(axis=0) for part in (first, second)]
    say("source A", 0, shares(ends[0]))
    say("source B", 0, shares(ends[1]))
    for seed in seeds:
        for side in (8, 16):
            settings = transferred(
                rooms_.init,
                output=str(rooms_.place / f"two-{side}-{seed}"),
                pictures="rooms",
                second=str(folder),
                switch_side=side,
                images=round(1000 * kimg),
                seed=seed,
                mixing=0.0,
                precision="bfloat16",
                checkpoint_every=10_000,
            )
            began = time.process_time()
            generator = cast(Any, fit_gan(settings, first, _silent).averaged)
            seconds = time.process_time() - began
            generator.precision = "float32"
            with torch.no_grad():
                coarse, fine, other = (generator.truncate(generator.map(z_of(500 * k, JUDGED))) for k in range(3))
            row = switch_row(side)
            ways = {"both": (coarse, fine), "other fine": (coarse, other), "other coarse": (other, fine)}
            images = {
                name: drawn(generator, torch.cat([one[:, :row], two[:, row:]], dim=1))
                for name, (one, two) in ways.items()
            }
            readings = {name: rooms_.read(each) for name, each in images.items()}
            say(f"switched at {side} px", seed, followed(readings, ends), seconds=seconds)
            save(rooms_.place, f"two-{side}-{seed}", [each[:8] for each in images.values()])


COLOUR_NAMES = tuple(COLOURS)


def shares(mean: FloatArray) -> dict[str, float]:
    """Of readings, what the sources differ in."""
    return {name: float(mean[READ.index(name)]) for name in ("layout", "wardrobe", *LOOK)}


def followed(readings: Mapping[str, FloatArray], ends: Sequence[FloatArray]) -> dict[str, float]:
    """Where samples lie between the sources, 1 at the one that they are to follow; and what a change of code moves."""
    found = dict[str, float]()
    both = readings["both"]
    for name in ("layout", "wardrobe", *LOOK):
        place, wanted = READ.index(name), 1 if name in LOOK else 0
        far, near = ends[1 - wanted][place], ends[wanted][place]
        each = (both[:, place] - far) / (near - far)
        draws = np.random.default_rng(0).integers(0, len(each), (1000, len(each)))
        low, high = np.quantile(each[draws].mean(axis=1), (0.025, 0.975))
        found |= {name: float(each.mean()), f"{name}, low": float(low), f"{name}, high": float(high)}
        for way in ("other fine", "other coarse"):
            found[f"{name}, moved by {way}"] = float(np.abs(readings[way][:, place] - both[:, place]).mean())
    binary = both[:, : len(BINARY)]
    found["undecided"] = float(((binary > UNDECIDED[0]) & (binary < UNDECIDED[1])).mean())
    return found


def looked(pictures: ByteArray) -> Tensor:
    """(N,S,S,3) -> (N,3,S,S) in [-1,1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def say(arm: str, seed: int, found: Mapping[str, float], **more: float) -> None:
    """A line of JSON."""
    values = {name: round(each, 3) for name, each in {**found, **more}.items()}
    print(json.dumps({"arm": arm, "seed": seed, **values}), flush=True)


def save(place: Path, name: str, rows: Sequence[Tensor]) -> None:
    """A sheet of pictures, for eyes."""
    sheet = tiled(np.concatenate([to_uint8(row) for row in rows]), len(rows[0]))
    cv2.imwrite(str(place / f"{name}.png"), sheet[:, :, ::-1])


def _silent(_: Progress) -> None:
    """Nobody watches."""


def main() -> None:
    """Train and judge the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", choices=("properties", "sources", "faces"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--kimg", type=float, default=4.0)
    parser.add_argument("--keep", type=Path, help="where sheets are left")
    parser.add_argument("--weights", nargs="+", type=float, default=[0.0, 2.0], help="faces: of what is kept")
    parser.add_argument("--generator", default="faces", help="of faces, 64 px")
    parser.add_argument("--segmenter", default="faces", help="that faces are scored with")
    told = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = told.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for row in told.rows:
            if row == "faces":
                world = asked_faces.Faces(place, told.generator, told.segmenter)
                asked_faces.properties(world, range(told.seeds), told.kimg, told.weights)
            else:
                {"properties": properties, "sources": sources}[row](Rooms(place), range(told.seeds), told.kimg)


if __name__ == "__main__":
    main()
