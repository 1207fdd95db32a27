"""What is true of a room, in words: facts, read off a scene's factors, and sentences that claim some of them.

A factor that lies in between says nothing: neither "a red rug" nor "a blue rug" is then true or false. Shapes: N rooms,
K facts (`KEYS`), T sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from higan_cam.rooms.scene import LAMPS, Scene
from higan_cam.rooms.truth import level
from higan_cam.worlds.words import words_of

Codes = npt.NDArray[np.int64]
UNKNOWN = -1
"""In place of a fact's value: it is not said, or lies in between."""
THERE = ("absent", "there")
COVERS = ("dark", "blue", "green", "turquoise", "red", "purple", "yellow", "pale")
"""Colours of the blanket by which of red, green and blue is much, as binary digits; `white` comes after them."""
VALUES: Mapping[str, tuple[str, ...]] = {
    "view": ("front", "corner"),
    "day": ("night", "day"),
    "light": ("dark", "bright"),
    "lit": ("off", "on"),
    "count": ("none", "one", "two", "three", "many"),
    "ceiling": ("off", "on"),
    "bedside": ("off", "on"),
    "standing": ("off", "on"),
    "desk": ("off", "on"),
    "cover": (*COVERS, "white"),
    "furniture": ("dark", "light", "white"),
    "floor": ("wood", "carpet"),
    "warmth": ("cool", "warm"),
    "walls": ("dark", "light"),
    "pictures": ("none", "one", "two"),
    "wardrobe": THERE,
    "chair": THERE,
    "rug": THERE,
    "plant": THERE,
    "curtains": THERE,
    "cushions": THERE,
    "throw": THERE,
    "shelf": THERE,
    "curtain_hue": ("blue", "orange"),
    "rug_hue": ("blue", "red"),
}
"""The values of each fact."""
KEYS = tuple(VALUES)
NEEDS = {"curtain_hue": "curtains", "rug_hue": "rug"}
"""Facts of things that must be there."""
LEADS = ("", "", "", "a room with ", "a bedroom with ", "a room, ", "a picture of a room with ")
NEUTRAL = ("a room", "a bedroom", "a picture of a room", "a blanket", "furniture", "walls", "a floor", "lamps")
"""What is true of every room."""
_LAMPS_ON = {"one": ("one lamp is", "one lit lamp"), "two": ("two lamps are", "two lit lamps")}
_LAMPS_ON |= {"three": ("three lamps are", "three lit lamps"), "many": ("many lamps are", "many lit lamps")}
_PARTS = {
    "ceiling": "ceiling lamp",
    "bedside": "bedside lamp",
    "standing": "floor lamp",
    "desk": "desk lamp",
}
_NOUNS: Mapping[str, tuple[str, ...]] = {
    "wardrobe": ("a wardrobe", "a closet"),
    "chair": ("a chair", "an armchair"),
    "rug": ("a rug", "a mat"),
    "plant": ("a plant", "a green plant"),
    "curtains": ("curtains", "drapes"),
    "cushions": ("cushions", "pillows"),
    "throw": ("a throw", "a folded throw"),
    "shelf": ("a shelf", "a wall shelf"),
}


def _phrases() -> dict[tuple[str, str], tuple[str, ...]]:
    said: dict[tuple[str, str], tuple[str, ...]] = {
        ("view", "front"): ("seen from the front", "a frontal view", "a room from the front"),
        ("view", "corner"): ("seen from a corner", "a corner view", "a room from the corner"),
        ("day", "night"): ("at night", "night outside", "a dark window", "a room at night"),
        ("day", "day"): ("by day", "daylight outside", "a bright window", "a room by day", "sunlight"),
        ("light", "dark"): ("a dark room", "a dim room", "a gloomy room", "an unlit room", "the room is dark"),
        ("light", "bright"): ("a bright room", "a well lit room", "a brightly lit room", "the room is bright"),
        ("lit", "on"): ("a lamp is on", "lamps are on", "lamplight", "the lights are on"),
        ("furniture", "white"): ("white furniture", "the furniture is white"),
        ("furniture", "dark"): ("dark wood", "dark furniture", "dark wooden furniture"),
        ("furniture", "light"): ("light wood", "light furniture", "light wooden furniture"),
        ("floor", "wood"): ("a wooden floor", "a parquet floor", "no carpet"),
        ("floor", "carpet"): ("a carpet", "a carpeted floor", "no wooden floor"),
        ("warmth", "cool"): ("cool walls", "bluish walls", "grey walls"),
        ("warmth", "warm"): ("warm walls", "beige walls", "yellowish walls"),
        ("walls", "dark"): ("dark walls", "the walls are dark"),
        ("walls", "light"): ("light walls", "pale walls", "the walls are light"),
        ("pictures", "none"): ("no picture on the wall", "no pictures", "bare walls"),
        ("pictures", "one"): ("one picture on the wall", "one picture"),
        ("pictures", "two"): ("two pictures on the wall", "two pictures"),
    }
    dark = ("no lamp is on", "no lamps are on", "all lamps are off", "the lights are off")
    said |= {("lit", "off"): dark, ("count", "none"): dark}
    said |= {("count", number): (f"{clause} on", noun) for number, (clause, noun) in _LAMPS_ON.items()}
    for key, noun in _PARTS.items():
        said[key, "on"] = (f"a {noun} is on", f"the {noun} is on", f"a lit {noun}")
        said[key, "off"] = (f"no {noun} is on", f"the {noun} is off", f"no lit {noun}")
    for key, nouns in _NOUNS.items():
        said[key, "there"] = nouns
        said[key, "absent"] = tuple(f"no {noun.removeprefix('an ').removeprefix('a ')}" for noun in nouns)
    for colour in VALUES["cover"]:
        nouns = ("blanket", "bed cover", "bedspread")
        said["cover", colour] = (*(f"a {colour} {noun}" for noun in nouns), f"the blanket is {colour}")
    for key, nouns in (("curtain_hue", ("curtains", "drapes")), ("rug_hue", ("rug", "mat"))):
        article = "a " if key == "rug_hue" else ""
        for colour in VALUES[key]:
            said[key, colour] = tuple(f"{article}{colour} {noun}" for noun in nouns)
    return said


PHRASES: Mapping[tuple[str, str], tuple[str, ...]] = _phrases()
"""(fact, value) -> ways to say it, all of which mean the same."""


@dataclass(frozen=True)
class Statement:
    """A sentence and what it claims: a value's number for each of `KEYS`, or `UNKNOWN`."""

    text: str
    claims: tuple[int, ...]


def vocabulary() -> tuple[str, ...]:
    """Every word of every sentence, sorted."""
    said = [*LEADS, *NEUTRAL, "and", *(phrase for phrases in PHRASES.values() for phrase in phrases)]
    return tuple(sorted({word for text in said for word in words_of(text)}))


def facts_of(scene: Scene) -> Codes:
    """(N,K) which value of each fact is true, `UNKNOWN` where it lies in between or its thing is not there."""
    found = np.stack([_READ[key](scene) for key in KEYS], axis=1)
    for key, thing in NEEDS.items():
        found[found[:, KEYS.index(thing)] != 1, KEYS.index(key)] = UNKNOWN
    return found


def truth_of(claims: Codes, facts: Codes) -> Codes:
    """(T,K) claims, (N,K) facts -> (T,N): 1 where a sentence is true, 0 where one of its claims is false, else -1."""
    said, known = claims[:, None] >= 0, facts[None] >= 0
    false = (said & known & (claims[:, None] != facts[None])).any(axis=2)
    unknown = (said & ~known).any(axis=2)
    found: Codes = np.where(false, 0, np.where(unknown, UNKNOWN, 1))
    return found


def statement(claimed: Mapping[str, int], draw: np.random.Generator) -> Statement:
    """A sentence of these {fact: number of its value}, in an order and in words that are drawn.

    A colour claims that its thing is there, unless something else is said of the thing.
    """
    keys = [list(claimed)[place] for place in draw.permutation(len(claimed))]
    parts = [_any(PHRASES[key, VALUES[key][claimed[key]]], draw) for key in keys]
    last = " and " if draw.random() < 0.5 else ", "
    text = last.join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    said = {NEEDS[key]: 1 for key in claimed if key in NEEDS} | dict(claimed)
    return Statement(_any(LEADS, draw) + text, tuple(said.get(key, UNKNOWN) for key in KEYS))


def neutral(draw: np.random.Generator) -> Statement:
    """A sentence that is true of every room."""
    return Statement(_any(NEUTRAL, draw), (UNKNOWN,) * len(KEYS))


def true_claims(facts: Codes, count: int | None, draw: np.random.Generator) -> dict[str, int]:
    """So many facts of a room (K,), drawn among those that are known; None: all of them."""
    known = [place for place in draw.permutation(len(KEYS)) if facts[place] != UNKNOWN]
    return {KEYS[place]: int(facts[place]) for place in known[:count]}


def contradicted(claimed: Mapping[str, int], draw: np.random.Generator) -> dict[str, int]:
    """The same with another value of one fact, so that a sentence of it is false; no colour of what is now absent."""
    key = list(claimed)[int(draw.integers(len(claimed)))]
    others = [value for value in range(len(VALUES[key])) if value != claimed[key]]
    turned = {**claimed, key: others[int(draw.integers(len(others)))]}
    return {each: value for each, value in turned.items() if turned.get(NEEDS.get(each, ""), 1) == 1}


def _any(choices: Sequence[str], draw: np.random.Generator) -> str:
    return choices[int(draw.integers(len(choices)))]


def _sides(values: npt.NDArray[np.float32], low: float = 0.35, high: float = 0.65) -> Codes:
    """0 below the one, 1 above the other."""
    found: Codes = np.where(values < low, 0, np.where(values > high, 1, UNKNOWN))
    return found


def _burning(scene: Scene) -> Codes:
    """(N,8) 0 off, 1 visibly on."""
    return _sides(scene.present * scene.brightness, 0.08, 0.3)


def _group(scene: Scene, *lamps: str) -> Codes:
    """1 where one of the lamps burns, 0 where all are off."""
    states = _burning(scene)[:, [LAMPS.index(lamp) for lamp in lamps]]
    found: Codes = np.where((states == 1).any(axis=1), 1, np.where((states == 0).all(axis=1), 0, UNKNOWN))
    return found


def _count(scene: Scene) -> Codes:
    states = _burning(scene)
    return np.where((states == UNKNOWN).any(axis=1), UNKNOWN, np.minimum((states == 1).sum(axis=1), 4))


def _light(scene: Scene) -> Codes:
    lit, day = level(scene), scene.column("day")
    return np.where((lit < 0.4) & (day < 0.35), 0, np.where(lit > 1.6, 1, UNKNOWN))


def _cover(scene: Scene) -> Codes:
    """By the three colours, unless it is white."""
    much = np.stack([_sides(scene.column(f"cover_{each}"), 0.4, 0.6) for each in ("red", "green", "blue")], axis=1)
    colour = np.where((much == UNKNOWN).any(axis=1), UNKNOWN, much @ np.array([4, 2, 1]))
    return np.choose(_sides(scene.column("white_cover")) + 1, [np.full_like(colour, UNKNOWN), colour, len(COVERS)])


def _furniture(scene: Scene) -> Codes:
    wood = _sides(scene.column("wood_tone"))
    return np.choose(_sides(scene.column("white_furniture")) + 1, [np.full_like(wood, UNKNOWN), wood, 2])


def _pictures(scene: Scene) -> Codes:
    there = np.stack([_sides(scene.column(f"picture_{each}")) for each in "ab"], axis=1)
    return np.where((there == UNKNOWN).any(axis=1), UNKNOWN, there.sum(axis=1))


def _of(name: str) -> Callable[[Scene], Codes]:
    return lambda scene: _sides(scene.column(name))


_READ: Mapping[str, Callable[[Scene], Codes]] = {
    "view": lambda scene: _sides(scene.layout),
    "day": _of("day"),
    "light": _light,
    "lit": lambda scene: _group(scene, *LAMPS),
    "count": _count,
    "ceiling": lambda scene: _group(scene, *LAMPS[:3]),
    "bedside": lambda scene: _group(scene, *LAMPS[3:5]),
    "standing": lambda scene: _group(scene, *LAMPS[5:7]),
    "desk": lambda scene: _group(scene, LAMPS[7]),
    "cover": _cover,
    "furniture": _furniture,
    "floor": _of("carpet"),
    "warmth": _of("wall_warmth"),
    "walls": _of("wall_lightness"),
    "pictures": _pictures,
    **{key: _of(key) for key in _NOUNS},
    "curtain_hue": _of("curtain_hue"),
    "rug_hue": _of("rug_hue"),
}
