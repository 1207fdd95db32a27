"""Directions without labels, of a generator and its codes: by name, in one form, each with its own unit of length.

Shapes: n samples, L rows of w+, D code dimension, C channels of one style layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.errors import ConfigError, WeightsError, unknown_name
from higan_cam.generate.styles import StyleAffine, style_affines
from higan_cam.invert.descent import Plan
from higan_cam.label import load_scorer
from higan_cam.label.clip import PromptScorer
from higan_cam.manipulate.directions import (
    Direction,
    answer_of,
    ganspace,
    lesser_rank,
    oriented,
    pulled_back,
    sefa,
    share_inside,
)
from higan_cam.manipulate.directions.ganspace import check_mapped
from higan_cam.pipeline.models import Models, codes_array, w_plus_of
from higan_cam.pipeline.texts import PUBLISHED, TextSettings, Wish, text_direction
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.types import FloatArray, Generator, Scorer


@dataclass(frozen=True)
class TextAsked:
    """A text, by a network of open_clip's in a local file.

    Attributes:
        text, neutral: what is wanted, and what is there.
        weights, arch: as `scorer.weights` and `scorer.arch` of the scorer clip.
        steps: of the optimisation, for each sample.
    """

    text: str
    neutral: str
    weights: str
    arch: str | None = None
    steps: int = 100


@dataclass(frozen=True)
class Asked:
    """What to look for.

    Attributes:
        count: directions, the best first.
        layers: rows of w+ that they move; StyleSpace looks at the channels of these.
        codes: samples whose codes give components and spreads.
        looks: samples whose pictures StyleSpace changes, one channel at a time.
        by_score: StyleSpace takes the channels to which the run's score answers most, not the local ones.
        near: StyleSpace takes the channels that answer in this box: left, top, width, height, shares of the picture.
    """

    count: int
    layers: tuple[int, ...]
    codes: int = 4096
    looks: int = 6
    by_score: bool = False
    near: tuple[float, float, float, float] | None = None
    text: TextAsked | None = None


def find_directions(models: Models, config: RunConfig, method: str, asked: Asked) -> list[Direction]:
    """Directions of the run's generator by one of `METHODS`.

    Returns:
        `figures` have besides the method's own: spread, the code units of one standard deviation along the direction
        (StyleSpace: of one standard deviation of its channel).

    Raises:
        ConfigError: an unknown method, more directions than there are, a generator that the method does not fit.
    """
    if method not in METHODS:
        raise unknown_name("--method", method, METHODS)
    codes = codes_array(models, config, range(asked.codes))
    return [
        found
        if "spread" in found.figures
        else replace(found, figures={**found.figures, "spread": float((codes @ found.vector).std())})
        for found in METHODS[method](models, config, asked, codes)
    ]


def _sefa(models: Models, _config: RunConfig, asked: Asked, _codes: FloatArray) -> list[Direction]:
    read = [each.weight for each in style_affines(models.generator) if each.row in asked.layers]
    return sefa(read, asked.count, asked.layers, models.generator.num_layers)


def _ganspace(models: Models, _config: RunConfig, asked: Asked, codes: FloatArray) -> list[Direction]:
    check_mapped(models.generator.num_layers > 1)
    return ganspace(codes, asked.count, asked.layers, models.generator.num_layers)


def _stylespace(models: Models, config: RunConfig, asked: Asked, codes: FloatArray) -> list[Direction]:
    generator = models.generator
    if generator.num_layers == 1:
        raise ConfigError("stylespace: this generator has no styles; take --method sefa, which reads its first layer")
    with torch.inference_mode():
        w_plus = w_plus_of(models, config, range(asked.looks))
        found = channels(models, w_plus, style_affines(generator), asked, codes)
    if len(found) < asked.count:
        raise ConfigError(
            f"stylespace: rows {asked.layers} have {len(found)} channels that w moves, got --count {asked.count}"
        )
    order = lesser_rank(*_order(found, asked))
    return [found[index] for index in order[: asked.count]]


def _order(found: Sequence[Direction], asked: Asked) -> tuple[FloatArray, ...]:
    """(C,) figures by which channels are ranked, more is better."""
    column = {name: np.array([each.figures[name] for each in found]) for name in found[0].figures if name != "layer"}
    if asked.by_score:
        return (np.abs(column["score"]),)
    if asked.near is not None:  # how much changes there, and how little elsewhere
        return column["strength"] * column["inside"], column["inside"]
    return column["strength"], column["locality"]


def _text(models: Models, config: RunConfig, asked: Asked, _codes: FloatArray) -> list[Direction]:
    if asked.text is None:
        raise ConfigError("text: say --text, --from and --clip: what is wanted, what is there, and a CLIP model's file")
    wanted = asked.text
    scorer = _clip(wanted).to(models.device)
    want, have = scorer.get_buffer("prompts").split(1)
    plan = Plan(wanted.steps, PUBLISHED.schedule)
    settings = TextSettings(rows=asked.layers, plan=plan)
    return [
        text_direction(models, config, Wish(scorer.embed, want, have), text_name(wanted), range(asked.looks), settings)
    ]


def _clip(asked: TextAsked) -> PromptScorer:
    """The network, whose errors name the options that it comes from instead of a scorer's fields."""
    try:
        scorer = load_scorer("clip", asked.weights, target=asked.text, against=asked.neutral, arch=asked.arch)
    except (ConfigError, WeightsError) as error:
        said = str(error)
        for field, option in (("weights", "--clip"), ("arch", "--clip-arch"), ("name: clip", "--method text:")):
            said = said.replace(f"scorer.{field}", option)
        raise type(error)(said) from error
    return cast(PromptScorer, scorer)


def text_name(asked: TextAsked) -> str:
    """A file's name for a text, such as text_a_red_blanket_0b5f3c1e: what of it is plain, and a digest of both texts,
    since texts in other alphabets, long ones and those with another neutral text would share what is plain."""
    plain = re.sub(r"[^a-z0-9]+", "_", asked.text.lower()).strip("_")[:60].strip("_")
    own = digest(canonical_json([asked.text, asked.neutral]))[:8]
    return "_".join(["text", *filter(None, [plain]), own])


METHODS: Mapping[str, Callable[[Models, RunConfig, Asked, FloatArray], list[Direction]]] = {
    "sefa": _sefa,
    "ganspace": _ganspace,
    "stylespace": _stylespace,
    "text": _text,
}


def channels(
    models: Models, w_plus: Tensor, affines: Sequence[StyleAffine], asked: Asked, codes: FloatArray
) -> list[Direction]:
    """Every feature channel of the asked rows as a direction, in the network's order; outputs to RGB are left out.

    Each is moved by one standard deviation of its style both ways, in the pictures of (n,L,D) codes; the layers below
    the row are run once. Cost: 2 n passes of the layers above the row for each channel.
    """
    found = []
    for row in asked.layers:
        here = [each for each in affines if each.row == row]
        start, _ = models.generator.advance(torch.cat([w_plus, w_plus]), row)
        for number, affine in enumerate(here):
            back = pulled_back([each.weight for each in here], number, codes)
            steps = back.spread * np.linalg.norm(back.moves, axis=1)
            for channel in np.flatnonzero(steps > 0) if not affine.colour else ():
                vector, step = oriented(back.moves[channel]), float(steps[channel])
                image, _ = models.generator.synthesize(_ends(models.generator, w_plus, row, vector, step), start=start)
                known = {"layer": affine.name, "channel": int(channel), "fidelity": float(back.fidelity[channel])}
                figures = {**known, "spread": step, **_figures(image, models.scorer, asked)}
                name = f"stylespace_{affine.name}_{channel:03d}"
                found.append(Direction(vector, (row,), name, "stylespace", figures))
    return found


def changes(image: Tensor) -> FloatArray:
    """(2n,3,H,W) pictures of n minus and n plus ends -> (n,H,W) half their absolute difference, display values 0 to 1,
    mean over colours."""
    low, high = (image.float().clamp(-1, 1) / 2).chunk(2)
    halves: FloatArray = ((high - low).abs() / 2).mean(dim=1).cpu().numpy()
    return halves


def _ends(generator: Generator, w_plus: Tensor, row: int, vector: FloatArray, step: float) -> Tensor:
    """(2n,L,D) the codes with one row moved by -step, then by +step."""
    move = generator.edit_strength[row] * step * torch.from_numpy(vector).to(w_plus)
    low, high = w_plus.clone(), w_plus.clone()
    low[:, row] -= move
    high[:, row] += move
    return torch.cat([low, high])


def _figures(image: Tensor, scorer: Scorer, asked: Asked) -> dict[str, float]:
    answer = answer_of(changes(image))
    found = {"strength": answer.strength, "locality": answer.locality}
    if asked.near is not None:
        found["inside"] = share_inside(answer.map, asked.near)
    if asked.by_score:
        low, high = scorer.score(image).float().chunk(2)
        found["score"] = float((high - low).mean() / 2)
    return found
