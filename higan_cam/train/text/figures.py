"""How well towers tell rooms apart by what is said of them: retrieval, and a sentence against one that contradicts it.

Shapes: N rooms, in galleries of `GALLERY`; K facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from higan_cam.label.texts.towers import Towers
from higan_cam.measure.generation.verdicts import share_interval
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.statements import KEYS, UNKNOWN, Codes, contradicted, facts_of, statement, true_claims
from higan_cam.train.distill.latents import held_out_latents
from higan_cam.train.draws import stream
from higan_cam.train.text.lessons import drawn_at, generated
from higan_cam.train.text.settings import TextSettings
from higan_cam.types import FloatArray
from higan_cam.worlds.words import words_of

GALLERY, BEST = 100, (1, 5)
"""Rooms that a caption of all facts is looked for among, and how far down the list it counts as found."""
AT_ONCE = 250
OF_FACTS, OF_CAPTIONS = 8, 9
"""Kinds of draws, see `stream`; `OF_LESSONS` is another."""


def text_figures(towers: Towers, settings: TextSettings) -> dict[str, Any]:
    """{renders, samples: figures} of rooms that training has not seen, as JSON has it."""
    z = held_out_latents(settings.held_out)
    facts = facts_of(scene_of(z))
    drawn: Mapping[str, Callable[[FloatArray], Tensor]] = {
        "renders": lambda part: render(part, drawn_at(settings)),
        "samples": lambda part: generated(part, drawn_at(settings)),
    }
    found = {}
    for name, draw in drawn.items():
        parts = np.array_split(z, max(1, len(z) // AT_ONCE))
        with torch.no_grad():
            seen = torch.cat([towers.see(draw(part)) for part in parts])
        found[name] = {**retrieval(towers, seen, facts), "statements": statements(towers, seen, facts)}
    return found


@torch.no_grad()
def retrieval(towers: Towers, seen: Tensor, facts: Codes) -> dict[str, Any]:
    """How often a caption of all facts finds its room among `GALLERY`, and a room its caption, with 95% intervals."""
    draws = (stream(place, 0, OF_CAPTIONS) for place in range(len(facts)))
    said = [statement(true_claims(room, None, draw), draw).text for room, draw in zip(facts, draws, strict=True)]
    cosines = [
        towers.read(towers.number([words_of(text) for text in part])) @ rooms.T
        for part, rooms in zip(_parts(said), seen.split(GALLERY), strict=True)
    ]
    ways = {"text to picture": cosines, "picture to text": [each.T for each in cosines]}
    return {
        way: {
            f"R@{best}": asdict(share_interval(sum(_found(each, best) for each in tables), len(said))) for best in BEST
        }
        for way, tables in ways.items()
    }


@torch.no_grad()
def statements(towers: Towers, seen: Tensor, facts: Codes) -> dict[str, Any]:
    """How often a true sentence of one fact goes better with its room than one that contradicts it: of each, of all."""
    right = {key: _of_fact(towers, seen, facts[:, place], key) for place, key in enumerate(KEYS)}
    every = np.concatenate([*right.values()])
    return {
        name: asdict(share_interval(int(each.sum()), len(each)))
        for name, each in {"all": every, **right}.items()
        if len(each)
    }


def _of_fact(towers: Towers, seen: Tensor, values: Codes, key: str) -> FloatArray:
    """(M,) whether the true sentence goes better, of the rooms where the fact is known."""
    known = np.flatnonzero(values != UNKNOWN)
    said: list[str] = []
    for place in known:
        draw, claimed = stream(int(place), KEYS.index(key), OF_FACTS), {key: int(values[place])}
        said += [statement(claimed, draw).text, statement(contradicted(claimed, draw), draw).text]
    if not said:
        return np.zeros(0)
    embedded = towers.read(towers.number([words_of(text) for text in said])).unflatten(0, (-1, 2))
    true, false = torch.einsum("nkd,nd->kn", embedded, seen[known])
    found: FloatArray = (true > false).numpy().astype(float)
    return found


def _parts(said: Sequence[str]) -> list[Sequence[str]]:
    return [said[first : first + GALLERY] for first in range(0, len(said), GALLERY)]


def _found(cosines: Tensor, best: int) -> int:
    """How many rows have their own column among the largest. Ties count against, so that what tells nothing apart finds
    nothing, and so does what is no number."""
    own = cosines.diagonal()[:, None]
    return int(((~(cosines < own)).sum(dim=1) <= best).sum())
