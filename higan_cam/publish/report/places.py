"""The page of `higan-cam recommend`: pictures with their places, the first ones by index, and those without any."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jinja2 import Environment

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.reading import read_batches, shard_errors
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.photos import LISTED, SHOWN, reduced
from higan_cam.publish.report.templating import page_environment
from higan_cam.store import Store, committed
from higan_cam.store.keys import PLACES, REPORT_KEY
from higan_cam.types import ByteArray, FloatArray, Place

_FIGURES = ("picture_key", "status", "reason", "notes")
_SHOWN = ("picture_key", "picture", "picture_mask", "heat", "places", "status", "reason")


@dataclass(frozen=True, eq=False)
class PlacesView:
    """One picture to show: (h,w,3) picture, (h,w) mask, at most `photos.SIDE` on the longer side, and its places."""

    key: str
    picture: ByteArray
    mask: ByteArray
    heat: FloatArray
    places: tuple[Place, ...]
    reason: str


@dataclass(frozen=True)
class PlacesContent:
    """The page.

    Attributes:
        counts: {ok, empty or unreadable: pictures}.
        without: (name, status, reason) of those without a place, the first `LISTED`; more: how many others.
        notes: {what reading did: pictures}.
    """

    source: str
    student: str
    counts: dict[str, int]
    without: tuple[tuple[str, str, str], ...]
    more: int
    notes: dict[str, int]
    views: tuple[PlacesView, ...]

    @property
    def total(self) -> int:
        """Pictures that have been looked at."""
        return sum(self.counts.values())


def write_places_report(config: RunConfig, store: Store) -> None:
    """Write the page of what is committed; nothing before the first shard. StoreError: a shard cannot be read."""
    content = read_places(config, store)
    if content is not None:
        store.put(REPORT_KEY, _environment().get_template("places.html.j2").render(content=content).encode())


def read_places(config: RunConfig, store: Store) -> PlacesContent | None:
    """What the shards of places hold, one at a time; None where there is none."""
    records = committed(store, PLACES, config_hash(config))
    if not records:
        return None
    counts: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    without: list[tuple[str, str, str]] = []
    views: list[PlacesView] = []
    for shard in sorted(records):
        for rows in read_batches(store, records[shard], _FIGURES, 1024):
            for row in rows:
                counts[row["status"]] += 1
                notes.update(row["notes"])
                if row["status"] != "ok" and len(without) < LISTED:
                    without.append((row["picture_key"], row["status"], row["reason"]))
        if len(views) < SHOWN:
            for rows in read_batches(store, records[shard], _SHOWN, 1):
                with shard_errors(store, records[shard]):
                    views += [_view(row) for row in rows if row["status"] != "unreadable"]
                if len(views) >= SHOWN:
                    break
    return PlacesContent(
        source=str(config.source.pictures),
        student=config.student.weights,
        counts={status: counts[status] for status in ("ok", "empty", "unreadable")},
        without=tuple(without),
        more=counts["empty"] + counts["unreadable"] - len(without),
        notes=dict(notes.most_common()),
        views=tuple(views[:SHOWN]),
    )


def _view(row: dict[str, Any]) -> PlacesView:
    return PlacesView(
        key=row["picture_key"],
        picture=reduced(decode_image(row["picture"]["bytes"])),
        mask=np.where(reduced(decode_image(row["picture_mask"]["bytes"])) > 127, 255, 0).astype(np.uint8),
        heat=decode_heat(row["heat"]["bytes"]),
        places=tuple(Place(**place) for place in row["places"]),
        reason=row["reason"],
    )


@cache
def _environment() -> Environment:
    return page_environment(
        count=fmt.format_count,
        percent=fmt.format_percent,
        photo_uri=images.photo_uri,
        heat_uri=images.heat_uri,
        mask_outline=images.mask_outline,
    )
