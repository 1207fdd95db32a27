"""The page of `higan-cam light`: the first pictures with their pairs, and those that have none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import read_batches, shard_errors
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.photos import LISTED, SHOWN, reduced
from higan_cam.publish.report.templating import page_environment
from higan_cam.store import Store, committed
from higan_cam.store.keys import LIGHTS, REPORT_KEY
from higan_cam.types import ByteArray

_FIGURES = ("picture_key", "status", "reason")
_SHOWN = ("picture_key", "input_image", "edited_image", "edit_prompt", "gain", "kelvin", "status")


@dataclass(frozen=True, eq=False)
class PairView:
    """One pair to show, reduced; gains and kelvins before and after."""

    before: ByteArray
    after: ByteArray
    words: str
    gains: tuple[float, float]
    kelvins: tuple[float, float]


@dataclass(frozen=True)
class LightsContent:
    """The page.

    Attributes:
        pairs: made; counts: {empty or unreadable: pictures}.
        without: (name, status, reason) of those without a pair, the first `LISTED`; more: how many others.
        views: {picture: its pairs}, the first `SHOWN` pairs.
    """

    source: str
    pairs: int
    counts: dict[str, int]
    without: tuple[tuple[str, str, str], ...]
    more: int
    views: dict[str, list[PairView]]


def write_lights_report(config: RunConfig, store: Store) -> None:
    """Write the page of what is committed; nothing before the first shard. StoreError: a shard cannot be read."""
    content = read_lights(config, store)
    if content is not None:
        store.put(REPORT_KEY, _environment().get_template("lights.html.j2").render(content=content).encode())


def read_lights(config: RunConfig, store: Store) -> LightsContent | None:
    """What the shards of lights hold, one at a time; None where there is none."""
    records = committed(store, LIGHTS, config_hash(config))
    if not records:
        return None
    counts: Counter[str] = Counter()
    without: list[tuple[str, str, str]] = []
    views: dict[str, list[PairView]] = {}
    shown = 0
    for shard in sorted(records):
        for rows in read_batches(store, records[shard], _FIGURES, 1024):
            counts.update(row["status"] for row in rows)
            lost = [row for row in rows if row["status"] != "ok"][: LISTED - len(without)]
            without += [(row["picture_key"], row["status"], row["reason"]) for row in lost]
        for rows in read_batches(store, records[shard], _SHOWN, 1) if shown < SHOWN else ():
            if rows[0]["status"] == "ok":
                with shard_errors(store, records[shard]):
                    views.setdefault(rows[0]["picture_key"], []).append(_view(rows[0]))
                shown += 1
            if shown == SHOWN:
                break
    pairs = counts.pop("ok", 0)
    more = sum(counts.values()) - len(without)
    return LightsContent(str(config.source.pictures), pairs, dict(counts), tuple(without), more, views)


def _view(row: dict[str, Any]) -> PairView:
    before, after = (reduced(decode_image(row[name]["bytes"])) for name in ("input_image", "edited_image"))
    return PairView(before, after, row["edit_prompt"], tuple(row["gain"]), tuple(row["kelvin"]))


@cache
def _environment() -> Environment:
    return page_environment(count=fmt.format_count, photo_uri=images.photo_uri)
