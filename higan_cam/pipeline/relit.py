"""Samples with the light of their lamps turned: a region is a lamp, or as many as its light has tops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from higan_cam.config import LightConfig, RunConfig
from higan_cam.errors import ConfigError
from higan_cam.mask import decode_rle
from higan_cam.pictures import Affine
from higan_cam.pipeline.lights import OFF, dials_of
from higan_cam.pipeline.photos import place_of
from higan_cam.relight import RESPONSES, Dial, Light, Response, light_of_pair, relight
from higan_cam.relight.lamps import Top, lamps_in, split_light
from higan_cam.relight.words import change_words, lamp_names
from higan_cam.types import BoolArray, ByteArray, Place, Relit, Sample
from higan_cam.weights.embedded import drawn_response

SEEN = 3
"""Levels of 255 by which some pixel must change where a lamp goes on."""


def check_relit(config: RunConfig) -> None:
    """ConfigError where a run is asked for lights that only `higan-cam light` has."""
    usual, light = LightConfig(), config.light
    fields = ("lamp", "places", "masks", "composer", "settings")
    said = [name for name in fields if light.gains and getattr(light, name) != getattr(usual, name)]
    if said:
        raise ConfigError(
            f"light.{said[0]} is of `higan-cam light`: a run's lamps are its regions, whose light is its own edit's; "
            "leave it out"
        )


def response_of(light: LightConfig, generator: str) -> Response:
    """The curve of a run's pictures, by what `generator.weights` says of the generator that drew or inverted them."""
    return RESPONSES[drawn_response(generator, light.response)]


def settled(config: RunConfig) -> dict[str, str]:
    """What run.json says besides: the curve, of a run that relights."""
    light = config.light
    return {"light_response": response_of(light, config.generator.weights).name} if light.gains else {}


def with_lights(config: RunConfig, samples: Iterable[Sample]) -> Iterator[Sample]:
    """The samples with their `lights`, one by one; as they are where none are asked for.

    Off is the weak end of the edit: the unedited picture may have its lamps on. The light is what the strong end adds
    to it (in a run on pictures as pasted under the feathered mask), shared out between the lamps, region by region, the
    brightest one of each first; those beyond the first `light.lamps` stay off.
    """
    for sample in samples:
        response = response_of(config.light, config.generator.weights)
        yield replace(sample, lights=_lights(config.light, sample, response)) if config.light.gains else sample


def _lights(config: LightConfig, sample: Sample, response: Response) -> tuple[Relit, ...]:
    photo = sample.photo
    off, on = (sample.negative, sample.image) if photo is None else (photo.negative, photo.positive)
    if sample.status != "ok" or off is None or on is None:
        return ()
    lamps = lamps_of(off, light_of_pair(off, on, response), _regions(sample), dials_of(config)[0])
    return tuple(
        relit
        for lamp, (place, light, name) in enumerate(lamps[: config.lamps])
        for relit in _settings(config, off, light, place, lamp, name)
    )


def lamps_of(
    off: ByteArray, whole: Light, regions: Sequence[tuple[Place, BoolArray]], dial: Dial
) -> list[tuple[Place, Light, str]]:
    """Where the lamps of a light are, what each adds by itself, and what it is called; those that do nothing left out.

    Args:
        off: (H,W,3) uint8, the picture without them.
        whole: light of all of them.
        regions: where they may be, and their pixels (H,W). A lamp that is alone in one is where its region is.
        dial: the setting at which a lamp must change a pixel by `SEEN`.
    """
    lamps = lamps_in(whole, [pixels for _, pixels in regions]) if whole.layer.any() else []
    if not lamps:
        return []
    places, claims = [], []
    for lamp in lamps:
        place, pixels = regions[lamp.region]
        places.append(place if lamp.top is None or lamp.alone else _place_of_top(lamp.top, place.rank))
        claims.append(pixels if lamp.top is None else lamp.top.crest)
    shared = zip(places, split_light(whole, claims), strict=True)
    seen = [(place, light) for place, light in shared if _seen(off, relight(off, [light], [dial]))]
    names = lamp_names([place for place, _ in seen])
    return [(*each, name) for each, name in zip(seen, names, strict=True)]


def _seen(off: ByteArray, on: ByteArray) -> bool:
    """Whether a lamp does anything: a region that the edit does not brighten has no light to turn."""
    return bool(np.abs(on.astype(np.int16) - off).max() >= SEEN)


def _place_of_top(top: Top, rank: int) -> Place:
    height, width = top.crest.shape
    left, above, across, down = cv2.boundingRect(top.crest.view(np.uint8))
    y, x = (top.at[0] + 0.5) / height, (top.at[1] + 0.5) / width
    return Place(rank, x, y, left / width, above / height, across / width, down / height)


def _regions(sample: Sample) -> list[tuple[Place, BoolArray]]:
    """Regions that have pixels in the picture: where they lie, and which they are."""
    if sample.photo is None:
        square = Affine(1.0, 0.0, 0.0, (len(sample.mask), len(sample.mask)), len(sample.mask))
        regions, places = sample.regions, tuple(place_of(region, square) for region in sample.regions)
    else:
        regions, places = sample.photo.regions, sample.photo.places
    by_rank = {place.rank: place for place in places}
    return [(by_rank[region.rank], decode_rle(region.rle).astype(np.bool_)) for region in regions]


def _settings(
    config: LightConfig, picture: ByteArray, light: Light, place: Place, lamp: int, name: str
) -> Iterator[Relit]:
    first, *others = dials_of(config)
    for dial in (first, *others):
        yield Relit(
            lamp=lamp,
            rank=place.rank,
            x=place.x,
            y=place.y,
            gain=dial.gain,
            kelvin=dial.kelvin or light.kelvin,
            image=relight(picture, [light], [dial]),
            on_prompt=change_words(OFF, dial, light.kelvin, name),
            edit_prompt="" if dial is first else change_words(first, dial, light.kelvin, name),
            off_prompt=change_words(dial, OFF, light.kelvin, name),
        )
