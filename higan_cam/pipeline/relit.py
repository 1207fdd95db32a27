"""Samples with the light of their regions turned: each region is a lamp with a switch of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from higan_cam.config import LightConfig, RunConfig
from higan_cam.errors import ConfigError
from higan_cam.mask import decode_rle
from higan_cam.pictures import Affine
from higan_cam.pipeline.lights import OFF, dials_of
from higan_cam.pipeline.photos import place_of
from higan_cam.relight import Light, relight
from higan_cam.relight.composers import Spot
from higan_cam.relight.composers.pair import Pair, PairSettings
from higan_cam.relight.lamps import split_light
from higan_cam.relight.words import change_words
from higan_cam.types import BoolArray, ByteArray, Place, Relit, Sample


def check_relit(config: RunConfig) -> None:
    """ConfigError where a run is asked for lights that only `higan-cam light` has."""
    usual, light = LightConfig(), config.light
    fields = ("lamp", "places", "composer", "settings")
    said = [name for name in fields if light.gains and getattr(light, name) != getattr(usual, name)]
    if said:
        raise ConfigError(
            f"light.{said[0]} is of `higan-cam light`: a run's lamps are its regions, whose light is its own edit's; "
            "leave it out"
        )


def with_lights(config: RunConfig, samples: Iterable[Sample]) -> Iterator[Sample]:
    """The samples with their `lights`, one by one; as they are where none are asked for.

    The light is what the positive edit adds under the mask, carried into the picture as `Pair` does; it is shared out
    between the regions, and those beyond the first `light.lamps` stay off.
    """
    for sample in samples:
        yield replace(sample, lights=_lights(config.light, sample)) if config.light.gains else sample


def _lights(config: LightConfig, sample: Sample) -> tuple[Relit, ...]:
    if sample.status != "ok" or (sample.photo is not None and sample.photo.picture is None):
        return ()
    picture, before, mask, affine, lamps = _parts(sample)
    if not lamps:
        return ()
    pair = Pair(PairSettings(before=before, after=sample.image, affine=affine))
    made = pair(Spot(picture, lamps[0][0], mask=mask))
    lights = () if made.reason else split_light(made.light, [where for _, where in lamps])
    turned = zip(lamps[: config.lamps], lights, strict=False)
    return tuple(relit for (place, _), light in turned for relit in _settings(config, picture, light, place))


def _parts(sample: Sample) -> tuple[ByteArray, ByteArray, ByteArray, Affine, list[tuple[Place, BoolArray]]]:
    """(picture, what the generator draws of it, mask, where its square lies, [(place, pixels) of each region])."""
    photo = sample.photo
    if photo is None or photo.picture is None or photo.mask is None:
        side = len(sample.mask)
        affine = Affine(1.0, 0.0, 0.0, (side, side), side)
        places = [place_of(region, affine) for region in sample.regions]
        return sample.original, sample.original, sample.mask, affine, _lamps(sample, places)
    affine = Affine(*photo.code.place, size=photo.code.size, side=len(sample.mask))
    return photo.picture, photo.reconstruction, photo.mask, affine, _lamps(sample, photo.places)


def _lamps(sample: Sample, places: Sequence[Place]) -> list[tuple[Place, BoolArray]]:
    """Regions that have pixels in the picture, with their places."""
    regions = sample.regions if sample.photo is None else sample.photo.regions
    by_rank = {place.rank: place for place in places}
    return [(by_rank[region.rank], decode_rle(region.rle).astype(np.bool_)) for region in regions]


def _settings(config: LightConfig, picture: ByteArray, light: Light, place: Place) -> Iterator[Relit]:
    first, *others = dials_of(config)
    for dial in (first, *others):
        yield Relit(
            rank=place.rank,
            gain=dial.gain,
            kelvin=dial.kelvin or light.kelvin,
            image=relight(picture, [light], [dial]),
            on_prompt=change_words(OFF, dial, light.kelvin, place),
            edit_prompt="" if dial is first else change_words(first, dial, light.kelvin, place),
            off_prompt=change_words(dial, OFF, light.kelvin, place),
        )
