"""Does a translator's light go where the mask says, and what is it worth in a picture as a camera takes it?

Rooms are those of `translated.switched_rooms`. A camera (`rooms.nuisances`, grade G2) moves, exposes, tints and spoils
the unlit picture; the truth is the lit one through the same camera, but for noise and JPEG.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np

from higan_cam.measure.light.relit import OWN, LitRoom, psnr
from higan_cam.measure.light.translated import LIT, switched_rooms
from higan_cam.measure.values import estimate_means
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.light import light_layer
from higan_cam.relight.translator import Translator, carried_light
from higan_cam.rooms.nuisances import Nuisances, affine_of, develop, draw_nuisances, move, move_masks
from higan_cam.types import ByteArray, FloatArray, Interval

CLEAN = {"noise": 0.0, "quality": 100}
"""What of a camera is no part of the truth."""


def measure_asked(translator: Translator, count: int, seed: int) -> dict[str, Interval]:
    """Means over rooms with 95% intervals, at the side that the translator was trained at.

    Of every two lamps of a room, with the mask of one of them: `own` and `other`, dB against that lamp alone and
    against the other; `moved`, share in which own is nearer. As a camera takes it, with the masks of all lamps:
    `camera`, dB; `camera_unlit` and `camera_bound`, of no light and of the true one in the same picture;
    `camera_inside` and `camera_outside`, mean absolute differences of display values where the true light falls, and
    elsewhere.
    """
    columns: dict[str, list[float]] = {}
    for index, room in enumerate(switched_rooms(seed, count, translator.side)):
        source = np.random.Generator(np.random.Philox(key=np.array([seed, index], np.uint64)))
        for name, value in {**_moved(room, translator), **_taken(room, translator, source)}.items():
            columns.setdefault(name, []).append(value)
    return {name: estimate_means({name: np.array(values)}, seed % 2**32)[name] for name, values in columns.items()}


def _moved(room: LitRoom, translator: Translator) -> Mapping[str, float]:
    """Means over ordered pairs of lamps to be seen; nothing where there is one."""
    lamps = {lamp: room.picture([float(each == lamp) for each in range(len(room.shades))]) for lamp in room.seen}
    rows = []
    for own, other in permutations(lamps, 2):
        made = _lit(room.every(0), room.shades[own].astype(np.float32), translator)
        rows.append((psnr(made, lamps[own]), psnr(made, lamps[other])))
    if not rows:
        return {}
    own_db, other_db = np.array(rows).T
    return {"own": float(own_db.mean()), "other": float(other_db.mean()), "moved": float((own_db > other_db).mean())}


def _taken(room: LitRoom, translator: Translator, source: np.random.Generator) -> Mapping[str, float]:
    nuisances = draw_nuisances(source)
    clean = Nuisances(**{**vars(nuisances), **CLEAN})
    unlit, without = (_developed(room.every(0), each, source) for each in (nuisances, clean))
    lit = _developed(room.every(1), clean, source)
    shades = move_masks(room.shades, affine_of(nuisances, len(unlit))).any(axis=0)
    made, true = _lit(unlit, np.asarray(shades, np.float32), translator), light_layer(without, lit, translator.response)
    bound = relight(unlit, [Light(true, OWN, translator.response)], [Dial()])
    gained = (lit.astype(np.float64) - without).max(axis=-1)
    inside = gained > LIT * gained.max()
    error = np.abs(made.astype(np.float64) - lit).mean(axis=-1) / 255
    return {
        "camera": psnr(made, lit),
        "camera_unlit": psnr(unlit, lit),
        "camera_bound": psnr(bound, lit),
        "camera_inside": float(error[inside].mean()),
        "camera_outside": float(error[~inside].mean()),
    }


def _developed(picture: ByteArray, nuisances: Nuisances, source: np.random.Generator) -> ByteArray:
    moved = move(np.asarray(picture / 255, np.float32), affine_of(nuisances, len(picture)))
    return develop(moved, nuisances, source)


def _lit(unlit: ByteArray, mask: FloatArray, translator: Translator) -> ByteArray:
    layer = carried_light(translator, unlit, mask, translator.side)
    return relight(unlit, [Light(layer, OWN, translator.response)], [Dial()])
