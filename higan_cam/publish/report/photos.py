"""What the report of a run on pictures says of them: which could be read, which the generator can draw, and how well.

Counts and reasons come from the shards of codes, pictures from the first shard of the dataset.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.codes import PUBLISHED_FIGURES, decode_codes
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.reading import MAX_SHARDS, first_to_last, read_batches, read_shard, shard_errors
from higan_cam.publish.report.overlap import OverlapBin, overlap_bins
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
_OVERLAPS = ("picture_key", "verdict", "reason", "student_overlap")


@dataclass
class Without:
    """Pictures without an answer, by name, status and reason: `LISTED` of each status are kept, all are counted."""

    kept: dict[str, list[tuple[str, PictureStatus, str]]] = field(default_factory=dict)
    total: int = 0

    def add(self, name: str, status: Any, reason: str) -> None:
        """One more."""
        self.total += 1
        rows = self.kept.setdefault(status, [])
        if len(rows) < LISTED:
            rows.append((name, status, reason))

    @property
    def listed(self) -> tuple[tuple[str, PictureStatus, str], ...]:
        """The first `LISTED`, those that cannot be read before all others: they are what a reader can mend."""
        others = (row for status, rows in self.kept.items() if status != "unreadable" for row in rows)
        return tuple([*self.kept.get("unreadable", []), *others][:LISTED])


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
class Threshold:
    """What a picture must reach (`at least`) or keep to (`at most`) in a figure, or it is poor.

    Attributes:
        figure: in words. value: the threshold; None where nothing is asked for.
        median, tail: of the generator's own samples, inverted likewise: the middle one, and the worst hundredth; None
            where that was not asked for.
        configured: the configuration names the number, else it follows from the samples.
    """

    figure: str
    relation: Literal["at least", "at most"]
    value: float | None
    median: float | None
    tail: float | None
    configured: bool


@dataclass(frozen=True)
class PhotosContent:
    """The section.

    Attributes:
        counts: {ok, poor or unreadable: pictures}.
        without: (name, status, reason) of pictures without a mask, as `Without` lists them; more: how many others.
        notes: {what reading did: pictures} ("alpha on white").
        medians: of the inversion's figures over the pictures that have a code.
        thresholds: what makes a picture poor.
        overlaps: agreement with the student, in bins; `overlaps_of`: how many of how many shards it covers.
    """

    counts: dict[PictureStatus, int]
    without: tuple[tuple[str, PictureStatus, str], ...]
    more: int
    notes: dict[str, int]
    medians: dict[str, float]
    views: tuple[PhotoView, ...]
    thresholds: tuple[Threshold, ...] = ()
    overlaps: tuple[OverlapBin, ...] = ()
    overlaps_of: tuple[int, int] = (0, 0)

    @property
    def total(self) -> int:
        """Pictures that inversion has come to."""
        return sum(self.counts.values())


def read_photos(config: RunConfig, store: Store, thresholds: tuple[Threshold, ...] = ()) -> PhotosContent | None:
    """What a run on pictures has found so far; None on latents, and before its first shard of codes.

    Args:
        thresholds: of its verdicts.

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
    without = Without()
    figures: dict[str, list[float]] = {name: [] for name in PUBLISHED_FIGURES}
    for shard in sorted(records):
        for code in decode_codes(store.get(records[shard].path)):
            counts[code.status] += 1
            notes.update(code.notes)
            if code.status != "ok":
                without.add(code.key, code.status, code.reason)
            for name in code.figures.keys() & figures.keys():
                figures[name].append(code.figures[name])
    data = {shard: one for shard, one in committed(store, DATA, config_hash(config)).items() if one.rows}
    overlaps, lost, read = _overlaps(store, data)
    for name, reason in lost:
        without.add(name, "unreadable", reason)
    return PhotosContent(
        counts={status: counts[status] for status in ("ok", "poor", "unreadable")},
        without=without.listed,
        more=without.total - len(without.listed),
        notes=dict(notes.most_common()),
        medians={name: float(np.median(values)) for name, values in figures.items() if values},
        views=tuple(_views(store, data[min(data)])) if data else (),
        thresholds=thresholds,
        overlaps=overlap_bins(overlaps, config),
        overlaps_of=(read, len(data)),
    )


def _overlaps(store: Store, data: Mapping[int, ShardRecord]) -> tuple[FloatArray, list[tuple[str, str]], int]:
    """Agreement with the student, NaN without; (name, reason) of pictures that have gone; how many shards were read."""
    chosen = first_to_last(sorted(data), MAX_SHARDS)
    values: list[float] = []
    lost: list[tuple[str, str]] = []
    for shard in chosen:
        for row in read_shard(store, data[shard], _OVERLAPS).to_pylist():
            values.append(math.nan if row["student_overlap"] is None else row["student_overlap"])
            if row["verdict"] == "unreadable":
                lost.append((row["picture_key"], row["reason"]))
    return np.array(values, np.float64), lost, len(chosen)


def _views(store: Store, record: ShardRecord) -> list[PhotoView]:
    """The first pictures of a shard; one at a time is held at its own size."""
    views: list[PhotoView] = []
    for rows in read_batches(store, record, _COLUMNS, 1):
        with shard_errors(store, record):
            views += [_view(row) for row in rows if row["picture"] is not None]
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
