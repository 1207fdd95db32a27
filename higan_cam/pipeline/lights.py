"""A picture with its places -> the same with lamps there, brighter, dimmer, warmer, cooler: pairs with words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import numpy as np

from higan_cam.config import LightConfig
from higan_cam.pictures import Affine, Picture, PictureRow, Unreadable, to_picture
from higan_cam.publish.lights import LitPair, Unlit
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.composers import Composed, Composer, Spot
from higan_cam.relight.lamps import split_light
from higan_cam.relight.light import WHITE
from higan_cam.relight.words import change_words, lamp_names
from higan_cam.types import BoolArray, ByteArray, FloatArray, Place, Recommendation

OFF = Dial(0.0)


def light_unit(
    compose: Composer, config: LightConfig, lamp: ByteArray | None, seed: int, answers: Iterable[Recommendation]
) -> Iterator[LitPair | Unlit]:
    """Pairs of each picture, in order, one by one; why not, for a picture without a place.

    For each of the first `config.lamps` places: the picture without that lamp to the first setting, from there to each
    of the others, and back off.

    Args:
        lamp: (h,w,4) uint8, to be seen at the place.
        answers: where the light goes in the pictures.
    """
    for answer in answers:
        if answer.status != "ok" or answer.picture is None:
            yield Unlit(answer.key, answer.status, answer.reason)
            continue
        variants, places = count(), answer.places[: config.lamps]
        for place, name, share in zip(places, lamp_names(places), lamp_shares(answer), strict=False):
            made = compose(Spot(answer.picture, place, share, lamp=lamp, seed=seed))
            if made.reason:
                yield Unlit(answer.key, "empty", made.reason)
                continue
            yield from pairs_of(config, made, place, name, answer.index, answer.key, variants)


def pairs_of(
    config: LightConfig, made: Composed, place: Place, name: str, index: int, key: str, variants: Iterator[int]
) -> Iterator[LitPair]:
    """The steps of one lamp (`steps_of`), with the picture's next numbers. `name` is what it is called."""
    for before, after, words in steps_of(dials_of(config), made.light.kelvin, name):
        yield LitPair(
            index,
            key,
            next(variants),
            before=relight(made.picture, [made.light], [before]),
            after=relight(made.picture, [made.light], [after]),
            words=words,
            place=place,
            gains=(before.gain, after.gain),
            kelvins=(before.kelvin or made.light.kelvin, after.kelvin or made.light.kelvin),
            settings=made.settings,
        )


def steps_of(dials: Sequence[Dial], own: float, lamp: str) -> list[tuple[Dial, Dial, str]]:
    """(before, after, what to say): on to the first, from there to each other one, and off; none that nobody would see.

    Args:
        dials: one or more. own: kelvin of the lamp where a dial leaves it alone. lamp: what it is called.
    """
    first, *others = dials
    steps = [(OFF, first), *((first, other) for other in others), (first, OFF)]
    return [(*step, words) for step in steps if (words := change_words(*step, own, lamp))]


def dials_of(config: LightConfig) -> list[Dial]:
    """Every gain with every colour, the first one first; a lamp that is off has no colour."""
    kelvins: tuple[float | None, ...] = config.kelvins or (None,)
    return [Dial(gain, kelvin) for gain in config.gains if gain for kelvin in kelvins]


def lamp_shares(answer: Recommendation) -> list[FloatArray]:
    """(H,W) float32 for each place: its lamp's share of the heat, at the picture's size; they add up to the heat.

    Of a mask that was given without heat there is one, all of it.
    """
    picture, heat = answer.picture, answer.heat
    if picture is None or not answer.places:
        return []
    if heat is None:
        return [] if answer.mask is None else [answer.mask / np.float32(255)]
    height, width = picture.shape[:2]
    scale, dx, dy = answer.place
    tops = [
        _pixel((place.y * height - 0.5 - dy) / scale, (place.x * width - 0.5 - dx) / scale, heat.shape)
        for place in answer.places
    ]
    parts = split_light(Light(heat[..., None], WHITE), tops)
    affine = Affine(scale, dx, dy, (height, width), len(heat))
    return [to_picture(part.layer[..., 0], affine) for part in parts]


def answer_of_mask(row: PictureRow, found: Picture | Unreadable, mask: ByteArray | str) -> Recommendation:
    """The light goes where a mask is: all of it is one lamp, and its middle the place.

    Args:
        mask: (H,W) uint8, bright where the lamp is; or why there is none. One of another size than the picture, or all
            black, is a reason too.
    """
    if isinstance(found, Unreadable):
        return Recommendation(row.index, row.key, "unreadable", found.reason)
    height, width = found.image.shape[:2]
    if not isinstance(mask, str) and mask.shape != (height, width):
        mask = f"its mask is {mask.shape[1]} x {mask.shape[0]} px, the picture {width} x {height}; make both one size"
    if isinstance(mask, str) or not mask.any():
        reason = mask if isinstance(mask, str) else "its mask is all black"
        return Recommendation(row.index, row.key, "empty", reason, found.notes, found.image)
    ys, xs = np.nonzero(mask)
    left, top = xs.min() / width, ys.min() / height
    box = float(left), float(top), float((xs.max() + 1) / width - left), float((ys.max() + 1) / height - top)
    place = Place(0, float((xs.mean() + 0.5) / width), float((ys.mean() + 0.5) / height), *box)
    return Recommendation(
        row.index,
        row.key,
        "ok",
        "",
        found.notes,
        found.image,
        mask=mask,
        places=(place,),
    )


def _pixel(y: float, x: float, size: tuple[int, ...]) -> BoolArray:
    """(h,w) the nearest pixel."""
    one = np.zeros(size, bool)
    one[min(max(round(y), 0), size[0] - 1), min(max(round(x), 0), size[1] - 1)] = True
    return one
