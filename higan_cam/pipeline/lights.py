"""A picture with its places -> the same with lamps there, brighter, dimmer, warmer, cooler: pairs with words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from higan_cam.config import LightConfig
from higan_cam.pictures import Affine, to_picture
from higan_cam.publish.lights import LitPair
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.composers import Composer, Spot
from higan_cam.relight.lamps import split_light
from higan_cam.relight.light import WHITE
from higan_cam.relight.words import change_words
from higan_cam.types import BoolArray, ByteArray, FloatArray, Recommendation

OFF = Dial(0.0)
_NOBODY = (0, "", 0)
"""Index, key and variant of a pair before it is said whose it is."""


def light_unit(
    compose: Composer, config: LightConfig, lamp: ByteArray | None, seed: int, answers: Iterable[Recommendation]
) -> Iterator[LitPair]:
    """Pairs of each picture, in order, one by one; one row with a reason for a picture without a place.

    For each of the first `config.lamps` places: the picture without that lamp to the first setting, from there to each
    of the others, and back off.

    Args:
        lamp: (h,w,4) uint8, to be seen at the place.
        answers: where the light goes in the pictures.
    """
    for answer in answers:
        if answer.status != "ok" or answer.picture is None:
            yield LitPair(answer.index, answer.key, 0, answer.status, answer.reason)
            continue
        lamps = zip(answer.places[: config.lamps], lamp_shares(answer), strict=False)
        spots = (Spot(answer.picture, place, share, lamp=lamp, seed=seed) for place, share in lamps)
        pairs = (pair for spot in spots for pair in _pairs(compose, config, spot))
        for variant, pair in enumerate(pairs):
            yield replace(pair, index=answer.index, key=answer.key, variant=variant)


def dials_of(config: LightConfig) -> list[Dial]:
    """Every gain with every colour, the first one first; a lamp that is off has no colour."""
    kelvins: tuple[float | None, ...] = config.kelvins or (None,)
    return [Dial(gain, kelvin) for gain in config.gains if gain for kelvin in kelvins]


def lamp_shares(answer: Recommendation) -> list[FloatArray]:
    """(H,W) float32 for each place: its lamp's share of the heat, at the picture's size; they add up to the heat."""
    picture, heat = answer.picture, answer.heat
    if picture is None or heat is None or not answer.places:
        return []
    height, width = picture.shape[:2]
    scale, dx, dy = answer.place
    tops = [
        _pixel((place.y * height - 0.5 - dy) / scale, (place.x * width - 0.5 - dx) / scale, heat.shape)
        for place in answer.places
    ]
    parts = split_light(Light(heat[..., None], WHITE), tops)
    affine = Affine(scale, dx, dy, (height, width), len(heat))
    return [to_picture(part.layer[..., 0], affine) for part in parts]


def _pixel(y: float, x: float, size: tuple[int, ...]) -> BoolArray:
    """(h,w) the nearest pixel."""
    one = np.zeros(size, bool)
    one[min(max(round(y), 0), size[0] - 1), min(max(round(x), 0), size[1] - 1)] = True
    return one


def _pairs(compose: Composer, config: LightConfig, spot: Spot) -> Iterator[LitPair]:
    """Of one lamp; whose picture it is, is filled in."""
    made, dials = compose(spot), dials_of(config)
    if made.reason:
        yield LitPair(*_NOBODY, "empty", made.reason, place=spot.place, settings=made.settings)
        return
    steps = [(OFF, dials[0]), *((dials[0], dial) for dial in dials[1:]), (dials[0], OFF)] if dials else []
    for before, after in steps:
        words = change_words(before, after, made.light.kelvin, spot.place)
        if words:
            yield LitPair(
                *_NOBODY,
                "ok",
                before=relight(made.picture, [made.light], [before]),
                after=relight(made.picture, [made.light], [after]),
                words=words,
                place=spot.place,
                gains=(before.gain, after.gain),
                kelvins=tuple(dial.kelvin or made.light.kelvin for dial in (before, after)),
                settings=made.settings,
            )
