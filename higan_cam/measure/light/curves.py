"""Which response curve pictures have: by a generator of rooms that turns its own lamps, and by lamps one by one.

The generator's lamps burn at half of what a drive can give, so that twice their light can be drawn too. A latent's
drives are set exactly, and what that adds to its length is taken from where no factor looks, so that nothing else
moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count as count_up

import numpy as np
import torch

from higan_cam.generate.images import to_uint8
from higan_cam.measure.light.relit import GAINS, dial_slope, lit_rooms, psnr
from higan_cam.measure.values import estimate_means
from higan_cam.relight import FILM, Dial, Response, light_of_pair, relight, response_of_lamps
from higan_cam.rooms.photos import photo_latent
from higan_cam.rooms.scene import FACTORS, Z_DIM, indices, scene_of
from higan_cam.types import ByteArray, FloatArray, Generator, Interval

HALF = 0.5
"""Drive of a lamp at gain 1."""
_SEEN = 3
"""Levels by which lamps that burn must change some pixel."""


@dataclass(frozen=True, eq=False)
class DrawnRoom:
    """A room as a generator draws it: {gain of all its lamps: (S,S,3) uint8}, for the gains of `GAINS`."""

    pictures: dict[float, ByteArray]

    def every(self, gain: float) -> ByteArray:
        """All lamps at one gain."""
        return self.pictures[gain]


def drawn_rooms(generator: Generator, seed: int, count: int) -> Iterator[DrawnRoom]:
    """The first `count` rooms of this seed, of one layout or the other, whose lamps a latent can turn and are seen."""
    found = 0
    for index in count_up():
        latent = photo_latent(seed, index)
        latents = with_drives(latent, [HALF * gain for gain in GAINS])
        if latents is None or scene_of(latent[None]).layout[0] not in (0, 1):
            continue
        with torch.inference_mode():
            codes = generator.truncate(generator.map(torch.from_numpy(latents)))
            pictures = to_uint8(generator.synthesize(codes)[0])
        room = DrawnRoom(dict(zip(GAINS, pictures, strict=True)))
        if np.abs(room.every(1).astype(int) - room.every(0)).max() >= _SEEN:
            yield room
            found += 1
        if found == count:
            return


def with_drives(latent: FloatArray, drives: Sequence[float]) -> FloatArray | None:
    """(128,) -> (K,128) float32 latents of its length in which all lamps have those drives, and all else is as it was;
    None where its length does not allow one."""
    to_factors, elsewhere = _ways()
    now = np.array([factor.slope * (factor.weights @ latent) + factor.shift for factor in FACTORS])
    slopes, columns = np.array([factor.slope for factor in FACTORS]), indices("drive")
    unseen = elsewhere @ (elsewhere.T @ latent)
    made = []
    for drive in drives:
        change = np.zeros(len(FACTORS))
        change[columns] = (drive - now[columns]) / slopes[columns]
        seen = latent - unseen + to_factors @ change
        left = Z_DIM - float(seen @ seen)
        if left <= 0 or not unseen.any():
            return None
        made.append(seen + unseen * np.sqrt(left / float(unseen @ unseen)))
    return np.stack(made).astype(np.float32)


@cache
def _ways() -> tuple[FloatArray, FloatArray]:
    """(128,F) what moves each factor alone, and (128,·) an orthonormal basis of what moves none."""
    weights = np.stack([factor.weights for factor in FACTORS]).astype(np.float64)
    return np.linalg.pinv(weights), np.linalg.svd(weights)[2][len(weights) :].T


def measure_drawn(generator: Generator, response: Response, count: int, seed: int) -> dict[str, Interval]:
    """{slope: drawn over asked brightness, gains 0 to 2; psnr: dB over gains other than 1}, with 95% intervals."""
    slopes, decibels = [], []
    for room in drawn_rooms(generator, seed, count):
        unlit = room.every(0)
        light = light_of_pair(unlit, room.every(1), response)
        slopes.append(dial_slope(room, light))
        turned = [psnr(relight(unlit, [light], [Dial(gain)]), room.every(gain)) for gain in GAINS if gain != 1]
        decibels.append(float(np.mean(turned)))
    return estimate_means({"slope": np.array(slopes), "psnr": np.array(decibels)}, seed)


def measure_told(count: int, seed: int, noise: float = 0.0) -> tuple[int, int]:
    """(rooms whose renders of lamps one by one are told to be `film`, as they are; rooms with several lamps), of the
    first `count` rooms.

    Args:
        noise: standard deviation in each picture, levels.
    """
    rng, told, asked = np.random.Generator(np.random.Philox(key=seed)), 0, 0

    def taken(picture: ByteArray) -> ByteArray:
        return np.clip(np.rint(picture + rng.normal(0, noise, picture.shape)), 0, 255).astype(np.uint8)

    for room in lit_rooms(seed, count):
        lamps = room.burning.shape[1]
        if len(room.seen) < 2 or len(room.seen) < int((room.burning > 0).sum()):
            continue
        alone = [taken(room.picture([float(k == lamp) for k in range(lamps)])) for lamp in room.seen]
        told += response_of_lamps(taken(room.every(0)), alone, taken(room.every(1))) is FILM
        asked += 1
    return told, asked
