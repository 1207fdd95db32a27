"""Light turned by `relight` against the renderer with its lamps turned the same way: gain, colour, single lamps.

The rooms are clean renders of held-out latents, of one layout or the other, in which a lamp burns. The pair is the
render with its lamps off and on; everything else is asked of `relight` and of the renderer alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count as count_up
from typing import Protocol

import numpy as np
import torch

from higan_cam.measure.values import estimate_means
from higan_cam.relight import Dial, Light, Response, light_layer, light_of_pair, relight, tint
from higan_cam.relight.lamps import split_light
from higan_cam.relight.planck import REDDEST
from higan_cam.relight.published import brighter_and_warmer
from higan_cam.rooms.nuisances import levels
from higan_cam.rooms.photos import photo_latent
from higan_cam.rooms.render import Linear, lamp_light, linear, strength, tone
from higan_cam.rooms.scene import scene_of
from higan_cam.rooms.truth import truth
from higan_cam.types import BoolArray, ByteArray, FloatArray, Interval

GAINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
KELVINS = (2200.0, 2700.0, 3500.0, 4675.0, 5500.0, 6500.0)
OWN = 4675.0
"""Kelvin whose colour is nearest to that of the rooms' lamps."""
_MIREDS = np.arange(120.0, 500.0, 1.0)
_CAP = 99.0
"""dB of pictures that are equal to the byte."""


@dataclass(frozen=True, eq=False)
class LitRoom:
    """A room whose lamps can be turned.

    Attributes:
        parts: what its light is made of. burning: (1,K) strength of each lamp. shades: (K,S,S) bool, visible.
    """

    parts: Linear
    burning: torch.Tensor
    shades: BoolArray

    def picture(self, gains: Sequence[float], colour: FloatArray | None = None) -> ByteArray:
        """(S,S,3) uint8 with lamp k at gains[k] times its strength, all of them tinted by (3,) factors."""
        light = lamp_light(self.parts, self.burning * torch.tensor([list(gains)]))
        if colour is not None:
            light = light * torch.from_numpy(colour.astype(np.float32))[:, None, None]
        shown = tone(self.parts.unlit + light)[0].permute(1, 2, 0).numpy()
        return levels(shown)

    def every(self, gain: float, colour: FloatArray | None = None) -> ByteArray:
        """All lamps at one gain."""
        return self.picture([gain] * self.burning.shape[1], colour)

    @property
    def seen(self) -> list[int]:
        """Lamps that burn and whose shade is to be seen."""
        return [k for k in range(len(self.shades)) if self.burning[0, k] > 0 and self.shades[k].any()]


@dataclass(frozen=True)
class RelitResult:
    """Means over rooms with 95% intervals, and the worst of them where that is what counts.

    Attributes:
        response: in whose units light was added.
        figures: slope (rendered over asked brightness, gains 0-2), temperature (mired away), psnr (dB over gains other
            than 1), together (dB of single lamps' pairs added up), whole (dB of all lamps' one pair, the same picture),
            lamp (dB of one lamp's share of the whole against that lamp alone), unlit (dB of the unlit picture there).
        worst: of slope and temperature.
        kelvin: (3,) quartiles of the lamps' own temperature as the pair tells it.
    """

    response: str
    count: int
    seed: int
    figures: dict[str, Interval]
    worst: dict[str, float]
    kelvin: tuple[float, float, float]


def lit_rooms(seed: int, count: int, size: int = 128, drive: float | None = None) -> Iterator[LitRoom]:
    """The first `count` rooms of this seed, of one layout or the other, in which a lamp burns and is to be seen.

    Args:
        drive: of every lamp that there is, instead of the latent's own.
    """
    found = 0
    for index in count_up():
        scene = scene_of(photo_latent(seed, index)[None])
        if scene.layout[0] not in (0, 1):
            continue
        if drive is not None:
            scene = replace(scene, drive=np.full_like(scene.drive, drive))
        shades = truth(scene, size).fixture[0].numpy()
        room = LitRoom(linear(scene, int(scene.layout[0]), size), strength(scene), shades)
        if room.seen:
            yield room
            found += 1
        if found == count:
            return


def measure_relit(response: Response, count: int, seed: int) -> RelitResult:
    """`relight` in these units on `count` rooms."""
    rooms = list(lit_rooms(seed, count))
    rows = [_figures(room, response) for room in rooms]
    columns = {name: np.array([row[name] for row in rows if name in row]) for name in _NAMES}
    figures = {name: estimate_means({name: values}, seed)[name] for name, values in columns.items()}
    kelvins = [light_of_pair(room.every(0), room.every(1), response).kelvin for room in rooms]
    low, middle, high = (float(value) for value in np.percentile(kelvins, [25, 50, 75]))
    worst = {
        "slope": float(columns["slope"][np.argmax(np.abs(columns["slope"] - 1))]),
        "temperature": float(columns["hottest"].max()),
    }
    return RelitResult(response.name, count, seed, figures, worst, (low, middle, high))


_NAMES = ("slope", "psnr", "temperature", "hottest", "together", "whole", "lamp", "unlit", "published")


def _figures(room: LitRoom, response: Response) -> dict[str, float]:
    unlit, lit = room.every(0), room.every(1)
    light = Light(light_layer(unlit, lit, response), OWN, response)
    off = np.array([mired_away(room, light, kelvin) for kelvin in KELVINS])
    brightness = {"slope": dial_slope(room, light), "temperature": float(off.mean()), "hottest": float(off.max())}
    turned = [(room.every(gain), gain) for gain in GAINS if gain != 1]
    ours = [psnr(relight(unlit, [light], [Dial(gain)]), rendered) for rendered, gain in turned]
    mask = np.full(unlit.shape[:2], 255, np.uint8)
    theirs = [psnr(brighter_and_warmer(lit, mask, max(gain, 1.0), 0), rendered) for rendered, gain in turned]
    return {
        **brightness,
        "psnr": float(np.mean(ours)),
        "published": float(np.mean(theirs)),
        **_lamps(room, unlit, lit, light),
    }


class Turned(Protocol):
    """A room whose lamps can be turned, rendered or drawn."""

    def every(self, gain: float) -> ByteArray:
        """(S,S,3) uint8 with all lamps at one gain."""
        ...


def dial_slope(room: Turned, light: Light) -> float:
    """Brightness of renders over that of relit pictures, as the light's share in each, by least squares over gains."""
    unlit = room.every(0)
    base, layer = light.response.light(unlit), light.layer.astype(np.float64)

    def share(picture: ByteArray) -> float:
        return float(((light.response.light(picture) - base) * layer).sum() / (layer * layer).sum())

    asked = [share(relight(unlit, [light], [Dial(gain)])) for gain in GAINS]
    rendered = [share(room.every(gain)) for gain in GAINS]
    return float(np.polyfit(asked, rendered, 1)[0])


def mired_away(room: LitRoom, light: Light, kelvin: float) -> float:
    """Mired between the temperature that the renderer was given and that of the relit picture nearest to its render."""
    unlit, rendered = room.every(0), room.every(1, tint(kelvin, OWN))
    missing = light.response.light(rendered) - light.response.light(unlit)
    squares, products = ((light.layer * other).sum(axis=(0, 1), dtype=np.float64) for other in (light.layer, missing))
    mireds, factors = _tints(light.kelvin)
    # The squared error of a picture with factors f, less what no f changes: per channel f^2 sum l^2 - 2 f sum l m.
    errors = factors**2 @ squares - 2 * factors @ products
    return float(abs(mireds[errors.argmin()] - 1e6 / kelvin))


@lru_cache(maxsize=8)
def _tints(own: float) -> tuple[FloatArray, FloatArray]:
    """(M,) mireds that are tried, (M,3) the factors that turn a lamp of its own temperature into each."""
    mireds = _MIREDS[_MIREDS <= 1e6 / REDDEST]
    return mireds, np.stack([tint(1e6 / float(mired), own) for mired in mireds])


def _lamps(room: LitRoom, unlit: ByteArray, lit: ByteArray, light: Light) -> dict[str, float]:
    seen, count = room.seen, room.burning.shape[1]
    if len(seen) < 2 or len(seen) < int((room.burning > 0).sum()):
        return {}
    alone = [room.picture([float(k == lamp) for k in range(count)]) for lamp in seen]
    singles = [Light(light_layer(unlit, picture, light.response), OWN, light.response) for picture in alone]
    shares = split_light(light, [room.shades[lamp] for lamp in seen])
    found = [psnr(relight(unlit, [each], [Dial()]), picture) for each, picture in zip(shares, alone, strict=True)]
    return {
        "together": psnr(relight(unlit, singles, [Dial()] * len(singles)), lit),
        "whole": psnr(relight(unlit, [light], [Dial()]), lit),
        "lamp": float(np.mean(found)),
        "unlit": float(np.mean([psnr(unlit, picture) for picture in alone])),
    }


def psnr(first: ByteArray, second: ByteArray) -> float:
    """dB of the mean squared difference of levels, at most `_CAP`."""
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return _CAP if error == 0 else min(_CAP, float(10 * np.log10(255**2 / error)))
