"""The page of `higan-cam upscale`: the middle of the first pictures, enlarged plainly and by the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import yaml
from jinja2 import Environment

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.card import card_environment, dataset_info
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import read_batches, shard_errors
from higan_cam.publish.redrawn.upscaled import UPSCALED_COLUMNS
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.photos import SHOWN, Without
from higan_cam.publish.report.templating import page_environment
from higan_cam.store import Store, committed, read_run
from higan_cam.store.keys import CARD_KEY, REPORT_KEY, UPSCALED
from higan_cam.types import ByteArray

PIECE = 256
"""Side of what is shown of a picture, px of the larger one."""


@dataclass(frozen=True, eq=False)
class UpscaledView:
    """The middle of a picture: enlarged bicubically, and by the network."""

    key: str
    plain: ByteArray
    image: ByteArray


@dataclass(frozen=True)
class UpscaledContent:
    """The page.

    Attributes:
        counts: {status: pictures}.
        without: (name, status, reason) of those that are not larger, as `Without` lists them; more: how many others.
        views: of the first `SHOWN` pictures.
    """

    source: str
    weights: str
    counts: dict[str, int]
    without: tuple[tuple[str, str, str], ...]
    more: int
    views: tuple[UpscaledView, ...]


def write_upscaled_report(config: RunConfig, store: Store) -> None:
    """Write page and card of what is committed; nothing before the first shard. StoreError: a shard cannot be read."""
    content = read_upscaled(config, store)
    if content is not None:
        store.put(REPORT_KEY, _environment().get_template("upscaled.html.j2").render(content=content).encode())
        store.put(CARD_KEY, upscaled_card(content, store.uri, read_run(store)).encode())


def upscaled_card(content: UpscaledContent, uri: str, run: Mapping[str, Any]) -> str:
    """README.md of the output, by whose head `datasets` loads its rows. Equal arguments give equal text."""
    head = {
        "pretty_name": "Pictures, larger",
        "annotations_creators": ["machine-generated"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": f"{UPSCALED}/*.parquet"}]}],
        "dataset_info": dataset_info({name: kind for name, (kind, _) in UPSCALED_COLUMNS.items()}, {}),
    }
    columns = {name: meaning for name, (_, meaning) in UPSCALED_COLUMNS.items()}
    front_matter = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    template = card_environment().get_template("upscaled_card.md.j2")
    return template.render(front_matter=front_matter, content=content, uri=uri, columns=columns, run=run)


def read_upscaled(config: RunConfig, store: Store) -> UpscaledContent | None:
    """What the shards hold, one at a time; None where there is none."""
    records = committed(store, UPSCALED, config_hash(config))
    if not records:
        return None
    counts, without, views = Counter[str](), Without(), list[UpscaledView]()
    for shard in sorted(records):
        for rows in read_batches(store, records[shard], ("picture_key", "status", "reason"), 1024):
            for row in rows:
                counts[row["status"]] += 1
                if row["status"] != "ok":
                    without.add(row["picture_key"], row["status"], row["reason"])
        for rows in read_batches(store, records[shard], _SHOWN, 1) if len(views) < SHOWN else ():
            with shard_errors(store, records[shard]):
                views += [_view(row) for row in rows if row["status"] == "ok"]
            if len(views) == SHOWN:
                break
    more = without.total - len(without.listed)
    source, weights = str(config.source.pictures), str(config.upscale.weights)
    return UpscaledContent(source, weights, dict(counts), without.listed, more, tuple(views))


_SHOWN = ("picture_key", "picture", "image", "status")


def _view(row: dict[str, Any]) -> UpscaledView:
    small, large = (decode_image(row[name]["bytes"]) for name in ("picture", "image"))
    plain = np.asarray(cv2.resize(small, large.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
    return UpscaledView(row["picture_key"], _middle(plain), _middle(large))


def _middle(picture: ByteArray) -> ByteArray:
    top, left = (max(0, side - PIECE) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + PIECE, left : left + PIECE])


@cache
def _environment() -> Environment:
    return page_environment(count=fmt.format_count, photo_uri=images.photo_uri)
