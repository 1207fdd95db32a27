"""`python -m tests.benchmarks.words FOLDER`: does what is asked for in words come, and does the rest stay?

Ten texts, on the embedded generator. Ways: optimisation of each picture, style channels (each row of w+ for itself,
and the one move of all rows that files hold), a mapper for each text, and an SVM on true labels. What pictures show is
read by a network that no way has seen and that learned from renders. How far a direction goes is chosen on every other
room and judged on the rest.
Predictions: higan_cam/manipulate/directions/README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from higan_cam.config import RunConfig, load_config
from higan_cam.config.stages import BoundaryConfig
from higan_cam.files import write_whole
from higan_cam.generate import sample_latents
from higan_cam.generate.styles import style_affines
from higan_cam.invert.descent import Plan
from higan_cam.label.texts import load_text_model, text_model_file
from higan_cam.manipulate import LabelledCodes, fit_boundary
from higan_cam.measure.generation.factors import BINARY, LIT, READ, factors_of
from higan_cam.measure.generation.verdicts import share_interval
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models, batches, codes_array, load_models, w_plus_of
from higan_cam.pipeline.directions import TextAsked, wish_of
from higan_cam.pipeline.directions.texts import PUBLISHED, TextSettings, Wish, move_to_text
from higan_cam.pipeline.directions.words import channel_responses, words_direction, words_moves
from higan_cam.rooms import Scene, level, scene_of
from higan_cam.rooms.scene import Z_DIM
from higan_cam.store import open_store
from higan_cam.train.distill.latents import as_tensor, training_latents
from higan_cam.train.distill.reader import RoomReaderSettings, rendered
from higan_cam.train.reader import SIDE, Reader, fit, read
from higan_cam.train.settings import Progress, World
from higan_cam.train.text.mapper import MapperSettings, fit_mapper
from higan_cam.types import BoolArray, FloatArray
from higan_cam.weights.files import sha256_of

COVER = ("cover_red", "cover_green", "cover_blue")
SHOWN = (*READ, *COVER)
"""What the judge reads."""
FIRST, LABELLED, TAILS = 300_000, 3_000, 300
SPREADS = (1.0, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0)
"""How far directions go, in standard deviations of codes along them; channels: of the style that moves most."""
AT_ONCE = 16
Readings = Mapping[str, FloatArray]
LIGHT = (*LIT, "day", "exposure")


@dataclass(frozen=True)
class Text:
    """A text, when it is true of readings, which of them it is about, and what a label of it would be."""

    neutral: str
    text: str
    holds: Callable[[Readings], BoolArray]
    about: tuple[str, ...]
    label: Callable[[Scene], FloatArray]


def _lit(shown: Readings) -> FloatArray:
    counts: FloatArray = sum((shown[name] > 0.5).astype(float) for name in LIT)  # type: ignore[assignment]
    return counts


def _is(name: str, neutral: str, text: str) -> Text:
    return Text(neutral, text, lambda shown: shown[name] > 0.5, (name,), lambda scene: scene.column(name))


def _red(red: FloatArray, green: FloatArray, blue: FloatArray, white: FloatArray) -> FloatArray:
    return (red - np.maximum(green, blue)) * (1 - white)


TEXTS = (
    Text(
        "a blanket",
        "a red blanket",
        lambda shown: _red(*(shown[name] for name in (*COVER, "white_cover"))) > 0.2,
        ("white_cover",),
        lambda scene: _red(*(scene.column(name) for name in (*COVER, "white_cover"))),
    ),
    Text(
        "a room", "a dark room", lambda shown: (shown["level"] < 0.4) & (shown["day"] < 0.5), LIGHT, lambda s: -level(s)
    ),
    Text("a room", "a bright room", lambda shown: shown["level"] > 1.6, LIGHT, level),
    Text(
        "lamps",
        "two lamps are on",
        lambda shown: _lit(shown) == 2,
        LIGHT,
        lambda scene: -np.abs((scene.present * scene.brightness).sum(axis=1) - 2),
    ),
    _is("day", "a room at night", "a room by day"),
    _is("white_furniture", "dark wood", "white furniture"),
    _is("carpet", "a wooden floor", "a carpet"),
    _is("curtains", "no curtains", "curtains"),
    _is("plant", "no plant", "a plant"),
    _is("wall_warmth", "cool walls", "warm walls"),
)


@dataclass(frozen=True, eq=False)
class Bench:
    """What every way has at hand."""

    models: Models
    config: RunConfig
    judge: Reader
    wishes: Mapping[str, Wish]
    rooms: range

    @cached_property
    def untouched(self) -> tuple[Tensor, Readings]:
        """(n,L,D) codes of all rooms and what they show, which every way and text asks for."""
        with torch.no_grad():
            codes = torch.cat([w_plus_of(self.models, self.config, part) for part in batches(self.rooms, AT_ONCE)])
        return codes, self.readings(codes)

    @torch.no_grad()
    def readings(self, codes: Tensor) -> Readings:
        """What the pictures of (n,L,D) show."""
        parts, levels = [], []
        for part in codes.split(AT_ONCE):
            image = self.models.generator.synthesize(part)[0].clamp(-1, 1)
            parts.append(torch.nn.functional.adaptive_avg_pool2d(image, SIDE))
            levels.append(self.models.scorer.score(image))
        found = dict(zip(SHOWN, read(self.judge, torch.cat(parts)).T, strict=True))
        return {**found, "level": torch.cat(levels).numpy()}


def main() -> None:
    """Each way in turn; every text's figures as soon as they are there, then the table."""
    options = _options()
    torch.set_num_threads(1)
    folder, config = Path(options.folder), load_config()
    models = load_models(config)
    model = load_text_model(options.clip)
    wishes = {each.text: wish_of(model, TextAsked(each.text, each.neutral), models.device) for each in TEXTS}
    bench = Bench(models, config, _judge(folder), wishes, range(FIRST, FIRST + options.rooms))
    table = {}
    for name in options.ways:
        began, rows = time.process_time(), {}
        for text, start, ends in WAYS[name](bench, options):
            rows[text.text] = _judged(bench, text, start, ends)
            print(f"<!-- {name}: {text.text}: {_line(rows[text.text])} -->", flush=True)
        table[name] = {"texts": rows, "seconds": time.process_time() - began}
        write_whole(folder / f"{name}.json", json.dumps(table[name], indent=2).encode())
        print(f"| {name} | {_line(_all(rows))} | {table[name]['seconds']:.0f} |", flush=True)


Found = Iterator[tuple[Text, Tensor, Sequence[Tensor]]]
"""A text, (n,L,D) codes that it is not true of, and their codes after it at every strength."""


def _optimised(bench: Bench, options: argparse.Namespace) -> Found:
    """Each picture for itself: nothing is chosen, so the judged half is all that is moved."""
    for text in TEXTS:
        start = _asked_rooms(bench, text)[1::2][: options.optimised]
        settings = TextSettings(rate=options.rate, plan=Plan(options.steps, PUBLISHED.schedule))
        draw = lambda codes: bench.models.generator.synthesize(codes)[0]  # noqa: E731
        yield text, start, [move_to_text(draw, start, bench.wishes[text.text], settings).w_plus]


def _channels(bench: Bench, options: argparse.Namespace, one: bool = False) -> Found:
    generator, affines = bench.models.generator, style_affines(bench.models.generator)
    codes = codes_array(bench.models, bench.config, range(4096))
    looks = w_plus_of(bench.models, bench.config, range(options.looks))
    store = open_store(options.folder)
    see = next(iter(bench.wishes.values())).see
    key = f"bench{options.looks}-{_network(options)}"
    found = channel_responses(generator, looks, see, affines, codes, store, key)
    strength = torch.tensor(generator.edit_strength)[:, None]
    for text in TEXTS:
        start, wish = _asked_rooms(bench, text), bench.wishes[text.text]
        if one:
            direction = words_direction(found, affines, generator.edit_strength, wish, "words", options.threshold)
            move = torch.from_numpy(direction.vector * np.float32(direction.figures["spread"]))[None]
        else:
            move = as_tensor(words_moves(found, wish, generator.num_layers, options.threshold, options.by))
        yield text, start, [start + spread * strength * move for spread in SPREADS]


def _one_move(bench: Bench, options: argparse.Namespace) -> Found:
    return _channels(bench, options, one=True)


def _svm(bench: Bench, _options: argparse.Namespace) -> Found:
    codes = codes_array(bench.models, bench.config, range(LABELLED))
    scene = scene_of(sample_latents(range(LABELLED), bench.config.seed, Z_DIM))
    strength = torch.tensor(bench.models.generator.edit_strength)[:, None]
    for text in TEXTS:
        values = text.label(scene) + 1e-6 * np.arange(LABELLED)  # of equal ones the order decides
        order = np.argsort(values, kind="stable")
        parts = order[-TAILS:], order[:TAILS], order[TAILS:-TAILS]
        high, low, rest = (LabelledCodes(codes[part], values[part]) for part in parts)
        found = fit_boundary(high, low, rest, BoundaryConfig(tails=TAILS), attribute="a", layers=(), seed=0)
        step = torch.from_numpy(found.normal * float((codes @ found.normal).std()))[None] * strength
        start = _asked_rooms(bench, text)
        yield text, start, [start + spread * step for spread in SPREADS]


def _mapped(bench: Bench, options: argparse.Namespace) -> Found:
    """A mapper for each text; its moves as they are."""
    generator = bench.models.generator
    for text in TEXTS:
        output = str(Path(options.folder) / "mappers" / _network(options) / text.text.replace(" ", "_"))
        settings = MapperSettings(output=output, text=text.text, neutral=text.neutral, steps=options.mapped)
        mapper = fit_mapper(settings, generator, bench.wishes[text.text], lambda _: None)
        start = _asked_rooms(bench, text)
        with torch.no_grad():
            yield text, start, [start + spread / 2 * mapper(start) for spread in SPREADS]


WAYS: Mapping[str, Callable[[Bench, argparse.Namespace], Found]] = {
    "svm": _svm,
    "channels": _channels,
    "one_move": _one_move,
    "optimised": _optimised,
    "mapped": _mapped,
}


def _network(options: argparse.Namespace) -> str:
    """What is kept of one network is no other's, whatever its name."""
    return sha256_of(text_model_file(options.clip))[:12]


def _asked_rooms(bench: Bench, text: Text) -> Tensor:
    """(n,L,D) codes of the rooms that the text is not true of."""
    codes, shown = bench.untouched
    return codes[torch.from_numpy(~text.holds(shown))]


def _judged(bench: Bench, text: Text, start: Tensor, ends: Sequence[Tensor]) -> dict[str, Any]:
    """{strength, came, flipped, clean}: lists over the judged rooms, at the strength that is best on the others."""
    judged = np.arange(len(start)) % 2 == 1 if len(ends) > 1 else np.ones(len(start), bool)

    def found(end: Tensor, rooms: BoolArray) -> dict[str, FloatArray]:
        which = torch.from_numpy(rooms)
        return _came(text, bench.readings(start[which]), bench.readings(end[which]))

    best = 0
    if len(ends) > 1:
        tried = [found(end, ~judged) for end in ends]
        best = int(np.argmax([(each["clean"] + 0.1 * each["came"]).mean() for each in tried]))
    return {"strength": best, **{name: values.tolist() for name, values in found(ends[best], judged).items()}}


def _came(text: Text, before: Readings, after: Readings) -> dict[str, FloatArray]:
    """Whether the text is now true, which share of the other yes-or-no factors is another, and both: at most one is."""
    others = [name for name in (*BINARY, *LIT) if name not in text.about]
    flipped = np.stack([(before[name] > 0.5) != (after[name] > 0.5) for name in others], axis=1)
    came = text.holds(after)
    return {
        "came": came.astype(float),
        "flipped": flipped.mean(axis=1),
        "clean": (came & (flipped.sum(axis=1) <= 1)).astype(float),
    }


def _all(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: [one for row in rows.values() for one in row[name]] for name in ("came", "flipped", "clean")}


def _line(row: Mapping[str, Any]) -> str:
    came, clean = (share_interval(int(sum(row[name])), len(row[name])) for name in ("came", "clean"))
    flipped = estimate_means({"flipped": np.array(row["flipped"])}, 0)["flipped"]
    cells = [f"{each.value:.0%} [{each.low:.0%}, {each.high:.0%}]" for each in (came, clean)]
    cells.append(f"{flipped.value:.1%} [{flipped.low:.1%}, {flipped.high:.1%}]")
    return " | ".join([*cells, str(len(row["came"]))])


def _judge(folder: Path) -> Reader:
    """What reads pictures: of renders, seen by no other network here."""
    settings = RoomReaderSettings(output=str(folder / "judge"), rooms=8_000, steps=1_000, seed=5)
    latents = training_latents(settings.seed, 0, settings.rooms, World())
    scene = scene_of(latents)
    colours = np.stack([scene.column(name) for name in COVER], axis=1)
    images, truth = rendered(latents)[0], as_tensor(np.concatenate([factors_of(scene), colours], axis=1))

    def lessons(draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.from_numpy(draw.integers(0, len(images), settings.batch))
        noise = 0.03 * torch.from_numpy(draw.standard_normal((settings.batch, 3, SIDE, SIDE), np.float32))
        return images[chosen] + noise, truth[chosen], torch.ones_like(truth[chosen])

    def report(progress: Progress) -> None:
        print(f"<!-- judge {progress.step} {progress.metrics['loss']:.3f} -->", flush=True)

    return fit("judge of words", settings, lessons, (SIDE, len(SHOWN)), report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="for what is learned and found on the way")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--clip", default="rooms", help="what knows pictures and texts")
    parser.add_argument("--rooms", type=int, default=32, help="rooms, half of which are judged")
    parser.add_argument("--optimised", type=int, default=6, help="rooms of each text that are optimised")
    parser.add_argument("--steps", type=int, default=50, help="of the optimisation")
    parser.add_argument("--mapped", type=int, default=60, help="steps of each mapper")
    parser.add_argument("--rate", type=float, default=TextSettings.rate, help="of the optimisation, code units")
    parser.add_argument("--looks", type=int, default=4, help="samples on which each style channel is moved")
    parser.add_argument("--threshold", type=float, default=TextAsked.threshold)
    parser.add_argument("--by", default="projection", choices=("projection", "cosine"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
