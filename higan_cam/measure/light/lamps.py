"""Lamps told apart by the tops of their light, against rooms whose lamps are known.

The rooms are clean renders of latents that nothing else uses, every lamp that there is fully on in one end and off in
the other; the regions are those that a run of defaults finds in that pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from higan_cam.config import RegionConfig
from higan_cam.generate.images import from_uint8
from higan_cam.mask import decode_rle, find_regions
from higan_cam.mask.light_change import LightChange
from higan_cam.measure.light.relit import LitRoom, lit_rooms, psnr
from higan_cam.measure.values import estimate_means
from higan_cam.relight import Dial, Light, light_of_pair, relight
from higan_cam.relight.lamps import Lamp, lamps_in, split_light
from higan_cam.types import BoolArray, Interval


@dataclass(frozen=True)
class LampsResult:
    """Means over rooms, or regions, with 95% intervals.

    Attributes:
        figures: own (share of rooms with several lamps in which each has a part, its own and no other), regions (the
            same where each region is one lamp), split (share of regions of several lamps in which each has its own),
            whole (share of regions of one lamp that stay whole), lamp (dB of a lamp's part against it rendered alone).
        rooms: with several lamps; shared, single: regions of several lamps and of one.
        error: largest difference between the sum of the parts and the whole light, as a share of its peak.
    """

    figures: dict[str, Interval]
    rooms: int
    shared: int
    single: int
    error: float


def measure_lamps(count: int, seed: int) -> LampsResult:
    """The lamps of `count` rooms."""
    columns: dict[str, list[float]] = {name: [] for name in ("own", "regions", "split", "whole", "lamp")}
    error = 0.0
    for room in lit_rooms(seed, count, drive=1.0):
        unlit = room.every(0)
        light = light_of_pair(unlit, room.every(1))
        regions = _regions(room)
        lamps = lamps_in(light, regions)
        parts = split_light(light, [regions[each.region] if each.top is None else each.top.crest for each in lamps])
        error = max(error, float(np.abs(sum(part.layer for part in parts) - light.layer).max() / light.layer.max()))
        for name, value in _figures(room, regions, lamps, parts):
            columns[name].append(value)
    sizes = {name: len(values) for name, values in columns.items()}
    figures = {name: estimate_means({name: np.array(values)}, seed)[name] for name, values in columns.items() if values}
    return LampsResult(figures, sizes["own"], sizes["split"], sizes["whole"], error)


def _regions(room: LitRoom) -> list[BoolArray]:
    off, on = (from_uint8(room.every(gain)[None]) for gain in (0, 1))
    heat = LightChange().between(off, on)[0].numpy()
    found = find_regions(heat, RegionConfig(), len(room.shades[0]))
    return [decode_rle(region.rle).astype(np.bool_) for region in found.regions]


def _figures(
    room: LitRoom, regions: Sequence[BoolArray], lamps: Sequence[Lamp], parts: Sequence[Light]
) -> Iterator[tuple[str, float]]:
    seen, shades = room.seen, room.shades
    in_region = [[k for k in seen if 2 * (shades[k] & region).sum() > shades[k].sum()] for region in regions]
    owners = [_nearest(room, lamp) for lamp in lamps]
    for number, inside in enumerate(in_region):
        mine = [owner for lamp, owner in zip(lamps, owners, strict=True) if lamp.region == number]
        if len(inside) == 1:
            yield "whole", float(len(mine) == 1)
        elif inside:
            yield "split", float(sorted(mine) == inside)
    if len(seen) < 2:
        return
    each_its_own = sorted(owners) == seen
    yield "own", float(each_its_own)
    yield "regions", float(sorted(k for inside in in_region if len(inside) == 1 for k in inside) == seen)
    if each_its_own:
        unlit = room.every(0)
        for owner, part in zip(owners, parts, strict=True):
            alone = room.picture([float(k == owner) for k in range(len(shades))])
            yield "lamp", psnr(relight(unlit, [part], [Dial()]), alone)


def _nearest(room: LitRoom, lamp: Lamp) -> int:
    """The seen lamp whose shade is nearest to a top; -1 without one."""
    if lamp.top is None:
        return -1
    away = [np.hypot(*(np.argwhere(room.shades[k]) - lamp.top.at).T).min() for k in room.seen]
    return room.seen[int(np.argmin(away))]
