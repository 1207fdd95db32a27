"""`python -m tests.benchmarks.steering faces`: are drawn faces what they were asked to be, and what else changes.

One condition asks for eyes, mouth, yaw and hair colour at once; the scorers that training follows look with a
segmenter. What samples show is read by a network that no training follows: it learned the factors of faces from
renders. Beside it the SVM's edit in the same generator, as strong by the scorers, and codes with nothing asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.config.stages import BoundaryConfig
from higan_cam.faces import render, scene_of
from higan_cam.faces.scene import FACTORS, PROPERTIES, Z_DIM, span
from higan_cam.generate import sample_latents, to_uint8
from higan_cam.manipulate import LabelledCodes, fit_boundary
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.steering.conditions import Condition
from higan_cam.train.gan.steering.properties import scorers_of, scores_of
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.gan.watch import tiled
from higan_cam.train.reader import Reader, fit, read
from higan_cam.types import FloatArray

SIDE, TRAINED, JUDGED, LABELLED, TAILS, READ_ON = 64, 1_000, 200, 1_000, 200, 6_000
ASKED = ("eyes", "mouth", "yaw", "hair_color")
LEVELS = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""What is asked for, in spreads of the training pictures."""
FACES, CODES, SHEET = 2**61 + 5, 2**61 + 6, 2**61 + 7
"""Seeds of the faces to train on, to read on, and of the codes that are judged; nothing else uses them."""
NAMES = [factor.name for factor in FACTORS]
REST = [column for column, name in enumerate(NAMES) if name not in PROPERTIES]
"""What makes a face somebody's: glasses, colours, shapes."""
Edit = Callable[[Tensor, int, Tensor], Tensor]
"""(N,w_dim) codes, which of `ASKED`, (N,) levels -> codes."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Training the reader of faces."""

    output: str
    steps: int = 1_200
    batch: int = 32
    learning_rate: float = 2e-3
    seed: int = 0
    checkpoint_every: int = 300


def shown(z: FloatArray) -> FloatArray:
    """(N,64) -> (N,F) true factors, each in [0,1]."""
    scene = scene_of(z)
    return np.stack(
        [(scene.column(name) - span(name)[0]) / (span(name)[1] - span(name)[0]) for name in NAMES], axis=1
    ).astype(np.float32)


def faces(count: int, seed: int) -> tuple[Tensor, FloatArray]:
    """(N,3,64,64) renders, and what they show."""
    z = sample_latents(range(count), seed, Z_DIM)
    return render(z, SIDE), shown(z)


def reader(place: Path) -> Reader:
    """Reads all factors off faces of 64 px."""
    images, truth = faces(READ_ON, FACES)
    settings = Reading(output=str(place / "faces-reader"))

    def lessons(draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        chosen = draw.integers(0, len(images), settings.batch)
        noise = torch.from_numpy(draw.standard_normal((settings.batch, *images.shape[1:]), np.float32))
        strength = torch.from_numpy(draw.random((settings.batch, 1, 1, 1), np.float32)) * 0.05
        wanted = torch.from_numpy(truth[chosen])
        return images[torch.from_numpy(chosen)] + strength * noise, wanted, torch.ones_like(wanted)

    return fit("faces reader", settings, lessons, (SIDE, len(NAMES)), lambda _: None)


class Faces:
    """The generator's file, the segmenter that scorers look with, pictures to train on, and what reads samples."""

    def __init__(self, place: Path, generator: str, segmenter: str) -> None:
        self.place, self.init = place, generator
        self.properties = tuple(f"property:{name}={segmenter}" for name in ASKED)
        self.scorers = scorers_of(self.properties)

    @cached_property
    def reader(self) -> Reader:
        """Reads all factors off faces of 64 px."""
        return reader(self.place)

    @cached_property
    def scale(self) -> tuple[FloatArray, FloatArray]:
        """(F,) means and spreads of true factors."""
        truth = shown(sample_latents(range(4_000), FACES, Z_DIM))
        return truth.mean(axis=0), truth.std(axis=0)

    def pictures(self) -> Pictures:
        """Renders to train on."""
        every = to_uint8(faces(TRAINED, FACES)[0])
        return Pictures(every, every[:0], "0" * 64, ())

    def read(self, images: Tensor) -> FloatArray:
        """(N,3,64,64) -> (N,F) factors, in spreads from their means."""
        mean, spread = self.scale
        found: FloatArray = (read(self.reader, images) - mean) / spread
        return found

    @torch.no_grad()
    def scored(self, condition: Condition, images: Tensor) -> Tensor:
        """(N,P) by the scorers that training follows; NaN where there is no face."""
        return condition.standard(torch.cat([scores_of(self.scorers, part) for part in images.split(50)]))


@torch.no_grad()
def drawn(generator: Any, w: Tensor) -> Tensor:
    """(N,w_dim) -> (N,3,S,S) in [-1,1]."""
    return torch.cat([generator.synthesize(part)[0].clamp(-1, 1) for part in generator.truncate(w).split(50)])


@torch.no_grad()
def codes(generator: Any, count: int, seed: int) -> Tensor:
    """(N,w_dim) of latents that nothing else uses."""
    found: Tensor = generator.map(torch.from_numpy(sample_latents(range(count), seed, Z_DIM)))
    return found


def asking(condition: Condition) -> Edit:
    """What a condition adds to codes."""

    @torch.no_grad()
    def edit(w: Tensor, place: int, levels: Tensor) -> Tensor:
        asked = torch.zeros(len(w), len(ASKED))
        asked[:, place] = levels
        found: Tensor = condition(w, asked)
        return found

    return edit


@dataclass(frozen=True)
class Arm:
    """A generator with what moves its codes."""

    generator: Any
    condition: Condition
    edit: Edit


def judged(world: Faces, arm: Arm, w: Tensor) -> dict[str, dict[str, str]]:
    """By property: how asked and read go together, how far apart they are, and what else moves."""
    before = drawn(arm.generator, w)
    own, at_rest = world.scored(arm.condition, before), world.read(before)
    return {name: _judged(world, arm, w, place, own[:, place], at_rest) for place, name in enumerate(ASKED)}


def _judged(world: Faces, arm: Arm, w: Tensor, place: int, own: Tensor, at_rest: FloatArray) -> dict[str, str]:
    column, others = NAMES.index(ASKED[place]), [NAMES.index(each) for each in PROPERTIES if each != ASKED[place]]
    images = {
        level: drawn(arm.generator, arm.edit(w, place, torch.full((len(w),), level))) for level in LEVELS if level
    }
    readings = np.stack([at_rest if not level else world.read(images[level]) for level in LEVELS])
    scores = np.stack([own.numpy() if not level else _score(world, arm, images[level], place) for level in LEVELS])
    got, asked = readings[:, :, column], np.repeat(np.array(LEVELS)[:, None], len(w), axis=1)
    span_asked = LEVELS[-1] - LEVELS[0]
    ends = (readings[-1] - readings[0]) / span_asked
    # What a code has by itself is taken off what it is asked for: by the scorer, as a user could.
    wanted = torch.from_numpy(np.random.default_rng(3).choice(LEVELS, len(w))).float()
    there = ~own.isnan()
    exact = world.read(drawn(arm.generator, arm.edit(w, place, wanted - own.nan_to_num())))[:, column]
    return {
        "corr": _interval(got, asked, _correlation),
        "corr, scorer": _interval(scores, asked, _correlation),
        "mae": _interval(got, asked, lambda one, other: float(np.abs(one - other).mean())),
        "slope": _interval(got, asked, lambda one, other: float(np.polyfit(other.ravel(), one.ravel(), 1)[0])),
        "others": _mean(np.abs(ends[:, others]).mean(axis=1)),
        "others, signed": f"{np.abs(ends[:, others].mean(axis=0)).mean():.3f}",
        "looks": _mean(np.abs(ends[:, REST]).mean(axis=1)),
        "spread": f"{readings[[0, -1]][:, :, [*others, *REST]].std(axis=1).mean():.3f}",
        "spread at rest": f"{at_rest[:, [*others, *REST]].std(axis=0).mean():.3f}",
        "unread": f"{np.isnan(scores).mean():.3f}",
        "set, corr": _interval(exact[None, there], wanted.numpy()[None, there], _correlation),
        "set, mae": _mean(np.abs(exact - wanted.numpy())[there]),
    }


def _score(world: Faces, arm: Arm, images: Tensor, place: int) -> FloatArray:
    found: FloatArray = world.scored(arm.condition, images)[:, place].numpy()
    return found


def _correlation(one: FloatArray, other: FloatArray) -> float:
    known = ~np.isnan(one)
    return float(np.corrcoef(one[known], other[known])[0, 1])


def _interval(got: FloatArray, asked: FloatArray, of: Callable[[FloatArray, FloatArray], float]) -> str:
    """Over faces (columns), 95%."""
    draws = np.random.default_rng(0).integers(0, got.shape[1], (300, got.shape[1]))
    low, high = np.quantile([of(got[:, rows], asked[:, rows]) for rows in draws], (0.025, 0.975))
    return f"{of(got, asked):.3f} [{low:.3f}, {high:.3f}]"


def _mean(values: FloatArray) -> str:
    return _interval(values[None], values[None], lambda one, _: float(one.mean()))


def strength(world: Faces, condition: Condition, generator: Any, edit: Edit, w: Tensor, place: int) -> float:
    """By how much the scorer's reading rises when one spread more is asked for."""
    ends = [
        world.scored(condition, drawn(generator, edit(w, place, torch.full((len(w),), level))))[:, place].nanmean()
        for level in (LEVELS[0], LEVELS[-1])
    ]
    return float(ends[1] - ends[0]) / (LEVELS[-1] - LEVELS[0])


def boundaries(world: Faces, condition: Condition, generator: Any, seed: int) -> list[Tensor]:
    """(w_dim,) for each property: the unit normal between samples with much and with little of it."""
    w = codes(generator, LABELLED, CODES + 10 + seed)
    scores = world.scored(condition, drawn(generator, w)).numpy()
    return [normal_of(w.numpy(), scores[:, place], name, seed) for place, name in enumerate(ASKED)]


def normal_of(w: FloatArray, scores: FloatArray, name: str, seed: int) -> Tensor:
    """(w_dim,) the SVM's unit normal between the `TAILS` codes (N,w_dim) of the highest and of the lowest scores (N,).

    NaN is in no tail and no rest.
    """
    known = np.flatnonzero(~np.isnan(scores))
    order = known[np.argsort(scores[known], kind="stable")]
    parts = (order[-TAILS:], order[:TAILS], order[TAILS:-TAILS])
    high, low, rest = (LabelledCodes(w[part], scores[part]) for part in parts)
    found = fit_boundary(high, low, rest, BoundaryConfig(tails=TAILS), attribute=name, layers=(), seed=seed)
    return torch.from_numpy(found.normal)


def moving(world: Faces, arm: Arm, w: Tensor, seed: int) -> Edit:
    """The SVM's edit, by which scores rise as they do by the arm's."""
    normals, steps = boundaries(world, arm.condition, arm.generator, seed), []

    def along(codes: Tensor, place: int, levels: Tensor, length: float) -> Tensor:
        return codes + length * levels[:, None] * normals[place]

    lengths = (0.5, 1.5, 3.0)
    for place in range(len(ASKED)):
        wanted = strength(world, arm.condition, arm.generator, arm.edit, w, place)
        slopes = [
            strength(world, arm.condition, arm.generator, partial(along, length=each), w, place) for each in lengths
        ]
        steps.append(float(np.interp(wanted, [0.0, *slopes], [0.0, *lengths])))
        say("strength", seed, {ASKED[place]: {"wanted": wanted, "slopes": slopes, "length": steps[-1]}})
    return lambda codes, place, levels: along(codes, place, levels, steps[place])


def say(arm: str, seed: int, found: Mapping[str, Any]) -> None:
    """A line of JSON for every property."""
    for name, values in found.items():
        print(json.dumps({"arm": arm, "seed": seed, "property": name, **values}), flush=True)


def sheet(path: Path, arms: Mapping[str, Arm], name: str = "mouth") -> None:
    """Faces one below the other; arms beside each other, each asked for -2 to 2 spreads."""
    place, rows = ASKED.index(name), []
    for arm in arms.values():
        w = codes(arm.generator, 4, SHEET)
        levels = [torch.full((len(w),), level) for level in (-2.0, -1.0, 0.0, 1.0, 2.0)]
        rows.append(torch.stack([drawn(arm.generator, arm.edit(w, place, each)) for each in levels], dim=1))
    whole = torch.cat(rows, dim=1)
    tiles = tiled(to_uint8(whole.flatten(0, 1)), whole.shape[1])
    cv2.imwrite(str(path), tiles[:, :, ::-1])


def properties(world: Faces, seeds: range, kimg: float, keeps: Sequence[float]) -> None:
    """A condition beside a frozen generator for every weight of what is kept, and the SVM's edit as strong."""
    pictures = world.pictures()
    for seed in seeds:
        arms = dict[str, Arm]()
        for keep in keeps:
            arms[f"keep {keep:g}"] = arm = trained(world, pictures, seed, kimg, keep)
            w = codes(arm.generator, JUDGED, CODES)
            say(f"keep {keep:g}", seed, judged(world, arm, w))
        # As strong as the last one.
        arms["SVM"] = Arm(arm.generator, arm.condition, moving(world, arm, w[:32], seed))
        say("SVM", seed, judged(world, arms["SVM"], w))
        for name in ASKED:
            sheet(world.place / f"{name}-{seed}.png", arms, name)


def trained(world: Faces, pictures: Pictures, seed: int, kimg: float, keep: float) -> Arm:
    """What training leaves of a condition beside the frozen generator."""
    settings = transferred(
        world.init,
        output=str(world.place / f"keep-{keep:g}-{seed}"),
        pictures="faces",
        images=round(1000 * kimg),
        batch=8,
        learning_rate=5e-3,
        seed=seed,
        properties=world.properties,
        property_weight=5.0,
        keep_weight=keep,
        mixing=0.0,
        freeze=("generator.*",),
        checkpoint_every=10_000,
    )
    began = time.process_time()
    state = fit_gan(settings, pictures, lambda told: print(told.step, dict(told.metrics), flush=True))
    print(json.dumps({"keep": keep, "seed": seed, "seconds": round(time.process_time() - began)}), flush=True)
    condition, generator = cast(Condition, state.averaged_condition), cast(Any, state.averaged)
    return Arm(generator, condition, asking(condition))
