"""What the report of a run on pictures says of them: which could be read, which the generator can draw, and how well.

Counts and reasons come from the shards of codes, pictures from the first shard of the dataset.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.codes import PUBLISHED_FIGURES, decode_codes
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.reading import read_batches, shard_errors
from higan_cam.store import Store, committed
from higan_cam.store.keys import CODES, DATA
from higan_cam.types import ByteArray, FloatArray, PictureStatus, ShardRecord

SHOWN = 24
LISTED = 100
"""Names of pictures without a mask that the page prints; it counts the others."""
SIDE = 512
"""Longest side of a photo on the page, pixels."""
_COLUMNS = (
    *("id", "picture", "picture_mask", "picture_image", "reconstruction", "negative", "image", "heat", "picture_key"),
    *("verdict", "status", "reason", "reached", "score", "score_reconstruction", "score_negative", "score_positive"),
    *("places", "student_overlap", *(f"invert_{name}" for name in PUBLISHED_FIGURES)),
)


@dataclass(frozen=True, eq=False)
class PhotoView:
    """One picture to show. Images are (h,w,3) uint8 RGB, the mask (h,w) uint8, all at most `SIDE` on the longer side.

    Attributes:
        picture, mask, edited: at the picture's own aspect: as it came, its mask, with the positive change pasted in.
        reconstruction, negative, positive, heat: in the generator's square.
        scores: of picture, reconstruction and both ends, by name.
        figures: of the inversion, by name; None where unknown.
        places: (x, y) of the regions, as shares of width and height, by rank.
    """

    key: str
    verdict: PictureStatus
    reason: str
    reached: bool
    picture: ByteArray
    mask: ByteArray
    edited: ByteArray
    reconstruction: ByteArray
    negative: ByteArray
    positive: ByteArray
    heat: FloatArray
    scores: dict[str, float | None]
    figures: dict[str, float | None]
    places: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class PhotosContent:
    """The section.

    Attributes:
        counts: {ok, poor or unreadable: pictures}.
        without: (name, status, reason) of pictures without a mask, the first `LISTED` by index; more: how many others.
        notes: {what reading did: pictures} ("alpha on white").
        medians: of the inversion's figures over the pictures that have a code.
    """

    counts: dict[PictureStatus, int]
    without: tuple[tuple[str, PictureStatus, str], ...]
    more: int
    notes: dict[str, int]
    medians: dict[str, float]
    views: tuple[PhotoView, ...]

    @property
    def total(self) -> int:
        """Pictures that inversion has come to."""
        return sum(self.counts.values())


def read_photos(config: RunConfig, store: Store) -> PhotosContent | None:
    """What a run on pictures has found so far; None on latents, and before its first shard of codes.

    Raises:
        StoreError: a shard cannot be read.
    """
    if config.source.kind == "latents":
        return None
    records = committed(store, CODES, config_hash(config))
    if not records:
        return None
    counts: Counter[PictureStatus] = Counter()
    notes: Counter[str] = Counter()
    without: list[tuple[str, PictureStatus, str]] = []
    figures: dict[str, list[float]] = {name: [] for name in PUBLISHED_FIGURES}
    for shard in sorted(records):
        for code in decode_codes(store.get(records[shard].path)):
            counts[code.status] += 1
            notes.update(code.notes)
            if code.status != "ok" and len(without) < LISTED:
                without.append((code.key, code.status, code.reason))
            for name in code.figures.keys() & figures.keys():
                figures[name].append(code.figures[name])
    data = {shard: one for shard, one in committed(store, DATA, config_hash(config)).items() if one.rows}
    return PhotosContent(
        counts={status: counts[status] for status in ("ok", "poor", "unreadable")},
        without=tuple(without),
        more=counts["poor"] + counts["unreadable"] - len(without),
        notes=dict(notes.most_common()),
        medians={name: float(np.median(values)) for name, values in figures.items() if values},
        views=tuple(_views(store, data[min(data)])) if data else (),
    )


def _views(store: Store, record: ShardRecord) -> list[PhotoView]:
    """The first pictures of a shard; one at a time is held at its own size."""
    views: list[PhotoView] = []
    for rows in read_batches(store, record, _COLUMNS, 1):
        with shard_errors(store, record):
            views += [_view(row) for row in rows]
        if len(views) == SHOWN:
            break
    return views


def _view(row: dict[str, Any]) -> PhotoView:
    def image(name: str) -> ByteArray:
        return reduced(decode_image(row[name]["bytes"]))

    return PhotoView(
        key=row["picture_key"],
        verdict=row["verdict"],
        reason=row["reason"],
        reached=row["reached"],
        picture=image("picture"),
        mask=np.where(image("picture_mask") > 127, 255, 0).astype(np.uint8),
        edited=image("picture_image"),
        reconstruction=image("reconstruction"),
        negative=image("negative"),
        positive=image("image"),
        heat=decode_heat(row["heat"]["bytes"]),
        scores={
            "picture": row["score"],
            "reconstruction": row["score_reconstruction"],
            "negative": row["score_negative"],
            "positive": row["score_positive"],
        },
        figures={
            **{name: row[f"invert_{name}"] for name in PUBLISHED_FIGURES},
            "overlap with the student": row["student_overlap"],
        },
        places=tuple((place["x"], place["y"]) for place in row["places"]),
    )


def reduced(image: ByteArray) -> ByteArray:
    """The image with at most `SIDE` pixels on its longer side, averaged over areas; never enlarged."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
