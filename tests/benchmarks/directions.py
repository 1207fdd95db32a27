"""`python -m tests.benchmarks.directions`: how many of a room's true factors the directions without labels find.

Two questions of the embedded generator, whose rooms are closed forms of z. Does a direction read a factor (R^2 of the
codes' coordinate along it with the factor's true value; a style channel reads by its style)? And does a direction turn
one lamp (the change between its ends, as a sum of the lamps' true light)? Which of the directions is the factor's, or
the lamp's, is chosen on other rooms than those it is judged on. Predictions: higan_cam/manipulate/directions/README.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from higan_cam.config import RunConfig, load_config, parse_layers
from higan_cam.config.stages import BoundaryConfig, EditConfig
from higan_cam.generate import sample_latents
from higan_cam.generate.styles import style_affines
from higan_cam.manipulate import LabelledCodes, edit_direction, fit_boundary, plan_edit
from higan_cam.manipulate.directions import Direction, oriented
from higan_cam.mask.image_difference import luminance
from higan_cam.pipeline import Models, batches, codes_array, load_models, w_plus_of
from higan_cam.pipeline.directions import METHODS, Asked, find_directions
from higan_cam.rooms import truth
from higan_cam.rooms.scene import FACTORS, LAMPS, factors
from higan_cam.types import FloatArray

LABELLED, TAILS = 3_000, 500
CODES, FIRST = 8_000, 100_000
"""Rooms that readings are judged on, half to choose and half to judge; none of them was used to find a direction."""
ROOMS_FROM = 200_000
SMALL = 32
"""Side at which changes are compared with light, pixels."""
LIT, ALONE = 0.1, 0.5
"""A lamp answers that gains this share of its full light; alone, where no other gains this share of what it gains."""
SPREADS = 2.0
FOUND_ALONE = [name for name in METHODS if name not in ("text", "words")]
"""Methods that need nothing but the generator."""
Found = Mapping[str, Sequence[Direction]]


def main() -> None:
    """Find, judge, print."""
    options = _options()
    torch.set_num_threads(1)
    config = load_config()
    models = load_models(config)
    found, seconds = _found(models, config, options)
    _print_readings(models, config, found, seconds, options.first)
    if options.rooms:
        _print_lamps(models, config, found, options.rooms)


def _found(models: Models, config: RunConfig, options: argparse.Namespace) -> tuple[Found, dict[str, float]]:
    """Directions by every method, at random, and by labels; CPU seconds of each."""
    generator = models.generator
    found: dict[str, Sequence[Direction]] = {}
    seconds = {}
    for name in options.methods:
        began = time.process_time()
        wanted = options.channels if name == "stylespace" else options.first
        rows = parse_layers(options.layers if name == "stylespace" else "all", generator.num_layers, ())
        asked = Asked(wanted, rows, looks=options.looks)
        found[name] = find_directions(models, config, name, asked)
        seconds[name] = time.process_time() - began
    codes = codes_array(models, config, range(LABELLED))
    draw = np.random.Generator(np.random.Philox(key=(0, 0))).standard_normal((options.first, generator.w_dim))
    used = codes.std(axis=0) > 0  # the mapping leaves some of w unused; no method but chance would go there
    found["random"] = [_direction(each * used, codes, f"random_{number:02d}") for number, each in enumerate(draw)]
    began = time.process_time()
    labels = factors(sample_latents(range(LABELLED), config.seed, generator.z_dim))
    found["svm on labels"] = [_by_labels(codes, labels[:, k], each.name) for k, each in enumerate(FACTORS)]
    seconds["svm on labels"] = time.process_time() - began
    return found, seconds


def _direction(vector: FloatArray, codes: FloatArray, name: str) -> Direction:
    unit = oriented(vector)
    return Direction(unit, tuple(range(64)), name, "other", {"spread": float((codes @ unit).std())})


def _by_labels(codes: FloatArray, values: FloatArray, name: str) -> Direction:
    order = np.argsort(values, kind="stable")
    low, rest, high = order[:TAILS], order[TAILS:-TAILS], order[-TAILS:]
    highest, lowest, others = (LabelledCodes(codes[part], values[part]) for part in (high, low, rest))
    boundary = fit_boundary(highest, lowest, others, BoundaryConfig(tails=TAILS), attribute=name, layers=(), seed=0)
    return _direction(boundary.normal, codes, name)


def _print_readings(models: Models, config: RunConfig, found: Found, seconds: Mapping[str, float], first: int) -> None:
    indices = range(FIRST, FIRST + CODES)
    codes = codes_array(models, config, indices)
    values = factors(sample_latents(indices, config.seed, models.generator.z_dim))
    roles = list(dict.fromkeys(each.role for each in FACTORS))
    print("| directions | all 45 | " + " | ".join(roles) + " | above .5 | CPU s |")
    print("| --- " * (len(roles) + 4) + "|")
    for name, directions in found.items():
        taken = directions if name == "svm on labels" else directions[:first]
        best, which = _best(_readings(models, taken, codes), values)
        means = [best.mean(), *(best[[each.role == role for each in FACTORS]].mean() for role in roles)]
        cells = " | ".join(f"{value:.2f}" for value in means)
        print(f"| {name} ({len(taken)}) | {cells} | {(best > 0.5).sum()} | {seconds.get(name, 0):.1f} |", flush=True)
        top = np.argsort(-best)[:6]
        print(f"<!-- {', '.join(f'{FACTORS[k].name} {best[k]:.2f} {taken[which[k]].name}' for k in top)} -->")


def _readings(models: Models, directions: Sequence[Direction], codes: FloatArray) -> FloatArray:
    """(N,K) what each direction says of each code: its coordinate, or the style of its channel."""
    weights = {each.name: each.weight for each in style_affines(models.generator)}
    rows = [
        weights[each.figures["layer"]][each.figures["channel"]] if "channel" in each.figures else each.vector
        for each in directions
    ]
    readings: FloatArray = codes @ np.stack(rows).T
    return readings


def _best(readings: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(F,) R^2 of the direction that is best for each factor on one half of the codes, on the other; and which."""
    halves = [_squared_correlations(readings[half::2], values[half::2]) for half in (0, 1)]
    which = halves[0].argmax(axis=0)
    return halves[1][which, np.arange(values.shape[1])], which


def _squared_correlations(readings: FloatArray, values: FloatArray) -> FloatArray:
    """(N,K), (N,F) -> (K,F)."""
    a, b = ((each - each.mean(axis=0)) / np.maximum(each.std(axis=0), 1e-12) for each in (readings, values))
    squared: FloatArray = (a.T @ b / len(a)) ** 2
    return squared


def _print_lamps(models: Models, config: RunConfig, found: Found, rooms: int) -> None:
    """Share of rooms, of those with the lamp, in which it answers alone to the direction that is best on others."""
    indices = range(ROOMS_FROM, ROOMS_FROM + rooms)
    known = truth(sample_latents(indices, config.seed, models.generator.z_dim), models.generator.resolution)
    light = F.adaptive_avg_pool2d(known.light, SMALL).flatten(2).numpy()
    choosing = np.arange(rooms) % 2 == 0
    print("\n| directions | exactly the asked lamp | the asked lamp | cases |\n| --- | --- | --- | --- |")
    for name, directions in found.items():
        drives = [each for each in directions if each.name.endswith("_drive")]
        alone, answers = _answers(models, config, drives or directions, indices, light)
        rows = []
        for lamp in range(len(LAMPS)):
            there = known.present[:, lamp] & (light[:, lamp].max(axis=1) > 0)
            which = int(alone[:, there & choosing, lamp].mean(axis=1).argmax())
            rows.append((alone[which, there & ~choosing, lamp], answers[which, there & ~choosing, lamp]))
        one, any_ = (np.concatenate(each) for each in zip(*rows, strict=True))
        each_lamp = ", ".join(f"{lamp} {row[0].mean():.2f}" for lamp, row in zip(LAMPS, rows, strict=True))
        print(f"| {name} ({len(drives or directions)}) | {one.mean():.0%} | {any_.mean():.0%} | {len(one)} |")
        print(f"<!-- {each_lamp} -->", flush=True)


def _answers(
    models: Models, config: RunConfig, directions: Sequence[Direction], indices: Sequence[int], light: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(K,N,8) whether each lamp answers alone, and whether it answers at all, to `SPREADS` along each direction."""
    gains = np.stack([_gains(models, config, each, indices, light) for each in directions])
    answers = gains >= LIT
    others = gains[..., None, :] * (1 - np.eye(len(LAMPS)))
    alone = answers & (others.max(axis=-1) < ALONE * gains)
    return alone.astype(float), answers.astype(float)


def _gains(
    models: Models, config: RunConfig, direction: Direction, indices: Sequence[int], light: FloatArray
) -> FloatArray:
    """(N,8) size of the change between both ends as a sum of the lamps' light, in shares of each one's full light."""
    generator = models.generator
    edit = plan_edit(EditConfig(), direction.boundary, generator.edit_strength)
    change = []
    with torch.inference_mode():
        for part in batches(indices, 16):
            w_plus = w_plus_of(models, config, part)
            step = SPREADS * direction.figures["spread"] * edit_direction(direction.boundary, edit, w_plus)
            low, high = (luminance(generator.synthesize(w_plus + sign * step)[0]) for sign in (-1, 1))
            change.append(F.adaptive_avg_pool2d((high - low)[:, None] / 2, SMALL).flatten(1))
    each_room = zip(torch.cat(change).numpy(), light, strict=True)
    return np.abs([np.linalg.lstsq(lamps.T, one, rcond=1e-6)[0] for one, lamps in each_room])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=20, help="directions of each method")
    parser.add_argument("--channels", type=int, default=40, help="style channels that are tried on the lamps")
    parser.add_argument("--layers", default="all", help="w+ rows whose style channels are tried")
    parser.add_argument("--methods", nargs="+", default=FOUND_ALONE, choices=METHODS)
    parser.add_argument("--looks", type=int, default=4, help="samples on which each style channel is moved")
    parser.add_argument("--rooms", type=int, default=32, help="rooms for the lamps; 0 leaves them out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
