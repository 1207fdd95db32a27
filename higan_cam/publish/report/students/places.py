"""The page of `higan-cam recommend`: pictures with their places, the first ones by index, and those without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.card import card_environment, dataset_info
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.places import PLACE_COLUMNS
from higan_cam.publish.reading import read_batches, shard_errors
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.gallery.places import write_places_gallery
from higan_cam.publish.report.photos import SHOWN, Without, reduced
from higan_cam.publish.report.templating import page_environment
from higan_cam.store import Store, committed, read_run
from higan_cam.store.keys import CARD_KEY, PLACES, REPORT_KEY
from higan_cam.types import ByteArray, FloatArray, Place

_FIGURES = ("picture_key", "status", "reason", "notes")
ANSWERED = (
    "The outline is where the student says that the attribute answers, as far as it is more likely than not; places "
    "are the tops of its heat there."
)
ABSENT = (
    "The outline is where the attribute is not and could be: where the samples of a run that look most like the "
    "picture have heat, and the student sees no light. Places are the tops of that heat. It says what is usually there "
    "in such pictures; that it would fit this one, or could not be elsewhere, it does not say."
)
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
        bank: the run whose samples pictures are compared with; None where the student answers.
        counts: {ok, empty or unreadable: pictures}.
        without: (name, status, reason) of those without a place, as `Without` lists them; more: how many others.
        notes: {what reading did: pictures}.
    """

    source: str
    student: str
    bank: str | None
    counts: dict[str, int]
    without: tuple[tuple[str, str, str], ...]
    more: int
    notes: dict[str, int]
    views: tuple[PlacesView, ...]

    @property
    def total(self) -> int:
        """Pictures that have been looked at."""
        return sum(self.counts.values())

    @property
    def meaning(self) -> str:
        """What mask and places are."""
        return ANSWERED if self.bank is None else ABSENT


def write_places_report(config: RunConfig, store: Store, attribute: str) -> None:
    """Write page, gallery and card of what is committed; nothing before the first shard.

    Args:
        attribute: what the student's masks are of.

    Raises:
        StoreError: a shard cannot be read.
    """
    content = read_places(config, store)
    if content is not None:
        write_places_gallery(store, committed(store, PLACES, config_hash(config)), attribute, content.meaning)
        store.put(REPORT_KEY, _environment().get_template("places.html.j2").render(content=content).encode())
        store.put(CARD_KEY, places_card(content, attribute, read_run(store)).encode())


def places_card(content: PlacesContent, attribute: str, run: Mapping[str, Any]) -> str:
    """README.md of the output, by whose head `datasets` loads its rows. Equal arguments give equal text."""
    kinds = {name: [kind] if isinstance(kind, dict) else kind for name, (kind, _) in PLACE_COLUMNS.items()}
    head = {
        "pretty_name": f"Places of {attribute}",
        "annotations_creators": ["machine-generated"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": f"{PLACES}/*.parquet"}]}],
        "dataset_info": dataset_info(kinds, {}),
    }
    return (
        card_environment()
        .get_template("places_card.md.j2")
        .render(
            front_matter=yaml.safe_dump(head, sort_keys=False, allow_unicode=True),
            content=content,
            attribute=attribute,
            columns={name: meaning for name, (_, meaning) in PLACE_COLUMNS.items()},
            run=run,
        )
    )


def read_places(config: RunConfig, store: Store) -> PlacesContent | None:
    """What the shards of places hold, one at a time; None where there is none."""
    records = committed(store, PLACES, config_hash(config))
    if not records:
        return None
    counts: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    without = Without()
    views: list[PlacesView] = []
    for shard in sorted(records):
        for rows in read_batches(store, records[shard], _FIGURES, 1024):
            for row in rows:
                counts[row["status"]] += 1
                notes.update(row["notes"])
                if row["status"] != "ok":
                    without.add(row["picture_key"], row["status"], row["reason"])
        if len(views) < SHOWN:
            for rows in read_batches(store, records[shard], _SHOWN, 1):
                with shard_errors(store, records[shard]):
                    views += [_view(row) for row in rows if row["status"] != "unreadable"]
                if len(views) >= SHOWN:
                    break
    return PlacesContent(
        source=str(config.source.pictures),
        student=config.student.weights,
        bank=config.student.bank,
        counts={status: counts[status] for status in ("ok", "empty", "unreadable")},
        without=without.listed,
        more=without.total - len(without.listed),
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
