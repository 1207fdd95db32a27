"""Where a lamp could be that is not there: what is said of it, against the renderer's empty slots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count as count_up

import cv2
import numpy as np

from higan_cam.config import RunConfig
from higan_cam.generate import sample_latents
from higan_cam.mask import find_regions
from higan_cam.measure.students import enlarged
from higan_cam.measure.values import estimate_means
from higan_cam.publish.images import decode_heat
from higan_cam.publish.reading import read_shard
from higan_cam.rooms.localisation import average_precision, iou
from higan_cam.rooms.photos import OFF, RoomPhoto, photo, photo_latent, photo_scene, photos
from higan_cam.rooms.scene import Z_DIM, Scene, scene_of
from higan_cam.rooms.truth import LIT, truth
from higan_cam.store import Store
from higan_cam.types import BoolArray, ByteArray, FloatArray, IntArray, Interval, ShardRecord

BELOW = -1.0
"""Heat of pixels that are left out: behind all others, and in no truth."""


@dataclass(frozen=True, eq=False)
class AbsentLamps:
    """Clean photos of rooms with some lamps and some empty slots.

    Attributes:
        images: (N,S,S,3) uint8. lit: (N,S,S) bool, where the lamps that there are give light.
        absent: (N,S,S) bool, where those would that are not there; never where it is lit.
        layout: (N,) 0 or 1, the room's.
    """

    images: ByteArray
    lit: BoolArray
    absent: BoolArray
    layout: IntArray


def absent_lamps(seed: int, count: int, size: int = 128) -> AbsentLamps:
    """The first `count` rooms of this seed, of one layout or the other, that show a lamp and lack one."""
    found = _rooms(seed, size)
    taken = [next(found) for _ in range(count)]
    lit = np.stack([known.lit for known, _ in taken])
    absent = np.stack([light for _, light in taken]) & ~lit
    layout = layouts_of(np.stack([known.latent for known, _ in taken]))
    return AbsentLamps(np.stack([known.image for known, _ in taken]), lit, absent, layout)


def layouts_of(latents: FloatArray) -> IntArray:
    """(N,128) latents -> (N,) 0 or 1, the layout of each room; the nearer one where a room is in between."""
    return np.rint(scene_of(latents).layout).astype(np.int64)


def light_of_layouts(seed: int, count: int, size: int = 128) -> FloatArray:
    """(2,size,size) share of the rooms of each layout, of `count` other clean photos, in which each pixel is lit."""
    rooms = list(photos(seed, count, "G1", size=size))
    layout, lit = layouts_of(np.stack([room.latent for room in rooms])), np.stack([room.lit for room in rooms])
    return np.stack([lit[layout == each].mean(axis=0) for each in (0, 1)]).astype(np.float32)


def heat_of_layouts(run: Store, shards: Iterable[ShardRecord], seed: int, size: int = 64) -> FloatArray:
    """(2,size,size) mean heat of a run's samples with a mask, by the layout of their rooms; some of both are there.

    Args:
        seed: of the run's latents, which say the layouts: no picture is looked at, so that this is an oracle.

    Raises:
        StoreError: a shard cannot be read.
    """
    indices: list[int] = []
    heats: list[FloatArray] = []
    for shard in shards:
        for row in read_shard(run, shard, ("index", "status", "heat")).to_pylist():
            if row["status"] == "ok":
                indices.append(row["index"])
                heat = decode_heat(row["heat"]["bytes"])
                heats.append(np.asarray(cv2.resize(heat, (size, size), interpolation=cv2.INTER_AREA), np.float32))
    layout = layouts_of(sample_latents(indices, seed, Z_DIM))
    return np.stack([np.mean(heats, axis=0, where=(layout == each)[:, None, None]) for each in (0, 1)])


def absent_figures(heats: Mapping[str, FloatArray], known: AbsentLamps, seed: int) -> dict[str, Interval]:
    """{method: average precision on the light of absent lamps}, pixels that are lit left out; means over photos.

    Args:
        heats: (N,h,h) each, or (1,h,h) for every photo.
    """
    size = known.lit.shape[1]
    columns = {}
    for name, heat in heats.items():
        large = np.broadcast_to(np.stack([enlarged(one, size) for one in heat]), known.lit.shape)
        columns[name] = average_precision(np.where(known.lit, BELOW, large).astype(np.float32), known.absent)
    return estimate_means(columns, seed)


def place_figures(
    answers: Sequence[tuple[FloatArray, BoolArray]], known: AbsentLamps, seed: int
) -> dict[str, Interval]:
    """What `recommend` would say of (heat, mask) for each photo: means over photos.

    `first` is the share of photos whose first place lies in the light of an absent lamp (a photo without a place is a
    miss), `places` the share of a photo's places that do, `iou` that of the mask and that light.
    """
    size = known.absent.shape[1]
    regions = RunConfig().regions.model_copy(update={"target": "emitter"})
    columns: dict[str, list[float]] = {"first": [], "places": [], "iou": []}
    for (heat, mask), absent in zip(answers, known.absent, strict=True):
        found = find_regions(np.where(mask, heat, 0), regions, size).regions
        hits = [bool(absent[round(y), round(x)]) for y, x in (region.centroid for region in found)]
        columns["first"].append(float(bool(hits) and hits[0]))
        columns["places"].append(float(np.mean(hits)) if hits else 0.0)
        inside = enlarged(mask.astype(np.float32), size) > 0.5
        columns["iou"].append(float(iou(inside[None], absent[None])[0]))
    return estimate_means({name: np.array(values) for name, values in columns.items()}, seed)


def _rooms(seed: int, size: int) -> Iterator[tuple[RoomPhoto, BoolArray]]:
    for index in count_up():
        scene = photo_scene(seed, index, photo_latent(seed, index), "G1")
        there = scene.present[0] > 0.5
        if scene.layout[0] not in (0, 1) or there.all() or not there.any():
            continue
        known, light = photo(seed, index, "G1", size=size), _light_of_absent(scene, size)
        if known.lit.any() and (light & ~known.lit).any():
            yield known, light


def _light_of_absent(scene: Scene, size: int) -> BoolArray:
    """(S,S) where the lamps that are not there would give light, each put in and lit by itself."""
    absent = scene.present[0] <= 0.5
    drive = np.where(absent, np.float32(OFF), scene.drive).astype(np.float32)
    light = (
        truth(replace(scene, present=np.ones_like(scene.present), drive=drive), size).light[0].numpy()[absent].sum(0)
    )
    lit: BoolArray = light > LIT * light.max()
    return lit
