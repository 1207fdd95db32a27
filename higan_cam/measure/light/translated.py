"""A translator's light against the renderer's, on rooms that no training and no choice has used.

Every room is a clean render with all lamps off; each of its lamps comes on by `rooms.switched.COMES_ON`, one at least.
The translator sees the unlit picture and the shades of those that come on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as count_up

import numpy as np
import torch

from higan_cam.measure.light.relit import KELVINS, OWN, LitRoom, dial_slope, mired_away, psnr
from higan_cam.measure.values import estimate_means
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.translator import Translator, carried_light
from higan_cam.rooms.fixtures import shade_coverage
from higan_cam.rooms.photos import photo_latent
from higan_cam.rooms.render import linear
from higan_cam.rooms.scene import scene_of
from higan_cam.rooms.switched import DRAWS, lamps_on, whole
from higan_cam.types import BoolArray, ByteArray, Interval

TURNED = (0.25, 0.5, 1.5, 2.0)
"""Gains other than 1 that the light is turned to."""
LIT = 0.1
"""A pixel is in the light where the levels rise by more than this share of the most."""


@dataclass(frozen=True)
class TranslatedResult:
    """Means over rooms with 95% intervals.

    Attributes:
        size: of the pictures, px.
        figures: psnr (dB against the render), unlit (dB of the picture as it was), gain_0.25 and so on (dB at that
            gain), inside and outside (mean absolute difference of display values where the true light falls, and
            elsewhere); in rooms that it gives light, slope (rendered over asked brightness, gains 0-2) and temperature
            (mired away, 2,200-6,500 K); in rooms with several lamps, single and joint (dB of the light of each by
            itself added up, and of all at once).
        worst: psnr that 5% of the rooms do not reach; the slope furthest from 1; the hottest temperature.
    """

    count: int
    seed: int
    size: int
    figures: dict[str, Interval]
    worst: dict[str, float]


def switched_rooms(seed: int, count: int, size: int) -> Iterator[LitRoom]:
    """The first `count` rooms of this seed in which a lamp comes on whose shade is to be seen."""
    found = 0
    for index in count_up():
        scene = whole(scene_of(photo_latent(seed, index)[None]))
        source = np.random.Generator(np.random.Philox(counter=[0, 0, 0, 4], key=np.array([seed, index], np.uint64)))
        on = lamps_on(scene.present[0] > 0, source.random(DRAWS))
        layout = int(scene.layout[0])
        shades = (shade_coverage(layout, size).numpy() > 0.5) & on[:, None, None]
        room = LitRoom(linear(scene, layout, size), torch.from_numpy(on[None].astype(np.float32)), shades)
        if room.seen:
            yield room
            found += 1
        if found == count:
            return


def measure_translator(translator: Translator, count: int, seed: int, size: int | None = None) -> TranslatedResult:
    """The translator on `count` rooms, at the side that it was trained at; of larger ones it sees that side."""
    size = size or translator.side
    rows = [_figures(room, translator) for room in switched_rooms(seed, count, size)]
    columns = {name: np.array([row[name] for row in rows if name in row]) for name in dict.fromkeys(_names(rows))}
    figures = {name: estimate_means({name: values}, seed)[name] for name, values in columns.items()}
    worst = {"psnr": float(np.quantile(columns["psnr"], 0.05))}
    if "slope" in columns:
        worst["slope"] = float(columns["slope"][np.argmax(np.abs(columns["slope"] - 1))])
        worst["temperature"] = float(columns["temperature"].max())
    return TranslatedResult(count, seed, size, figures, worst)


def _names(rows: list[dict[str, float]]) -> list[str]:
    return [name for row in rows for name in row]


def _figures(room: LitRoom, translator: Translator) -> dict[str, float]:
    unlit, lit = room.every(0), room.every(1)
    light = _predicted(room, translator, np.asarray(room.shades.any(axis=0)))
    made = relight(unlit, [light], [Dial()])
    gained = (lit.astype(np.float64) - unlit).max(axis=-1)
    inside = gained > LIT * gained.max()
    error = np.abs(made.astype(np.float64) - lit).mean(axis=-1) / 255
    turned = {f"gain_{gain:g}": psnr(relight(unlit, [light], [Dial(gain)]), room.every(gain)) for gain in TURNED}
    return {
        "psnr": psnr(made, lit),
        "unlit": psnr(unlit, lit),
        "inside": float(error[inside].mean()),
        "outside": float(error[~inside].mean()),
        **turned,
        **({} if np.array_equal(made, unlit) else _dialled(room, light)),
        **_lamps(room, translator, made),
    }


def _dialled(room: LitRoom, light: Light) -> dict[str, float]:
    """Where there is light that can be turned."""
    away = [mired_away(room, light, kelvin) for kelvin in KELVINS]
    return {"slope": dial_slope(room, light), "temperature": float(np.mean(away))}


def _lamps(room: LitRoom, translator: Translator, together: ByteArray) -> dict[str, float]:
    """Where several lamps come on, each to be seen: their light one by one, added up."""
    seen, lit = room.seen, room.every(1)
    if len(seen) < 2 or len(seen) < int((room.burning > 0).sum()):
        return {}
    lights = [_predicted(room, translator, room.shades[lamp]) for lamp in seen]
    added = relight(room.every(0), lights, [Dial()] * len(lights))
    return {"single": psnr(added, lit), "joint": psnr(together, lit)}


def _predicted(room: LitRoom, translator: Translator, shades: BoolArray) -> Light:
    layer = carried_light(translator, room.every(0), shades.astype(np.float32), translator.side)
    return Light(layer, OWN, translator.response)
