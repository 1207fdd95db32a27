"""What a student learns from: pictures, and where the answer is in them; read off runs, in memory as small as it gets.

A sample of a run is three pictures of one room (original, negative, positive end) with one heat map and one mask. They
stay encoded until a step needs them: 45 kB a sample at 128 px, so that 50,000 samples take 2.3 GB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import cv2
import numpy as np

from higan_cam.errors import ConfigError, DataError
from higan_cam.mask.student.network import SHRINK
from higan_cam.publish import reading
from higan_cam.publish.exports.source import open_source
from higan_cam.publish.images import decode_heat, decode_image, encode_image
from higan_cam.publish.reading import read_shard, shard_errors
from higan_cam.store.store import Store
from higan_cam.types import ByteArray, FloatArray, ShardRecord

ENDS = ("original", "negative", "image")
"""Columns of the pictures, in the order of `Lesson.pictures`."""
COLUMNS = (*ENDS, "heat", "conditioning_image", "status")
FULL = 255
Array = TypeVar("Array", ByteArray, FloatArray)


@dataclass(frozen=True, eq=False)
class Lesson:
    """Pictures that have one answer.

    Attributes:
        pictures: PNG of S px each: original, negative and positive end of a sample; one of a labelled picture.
        heat: (h,h) uint8, 255 is heat 1; h is half of S.
        mask: (h,h) uint8, 255 where the whole pixel is in the mask.
    """

    pictures: tuple[bytes, ...]
    heat: ByteArray
    mask: ByteArray


def read_lessons(store: Store, split: str, side: int) -> list[Lesson]:
    """The samples of a split that have a mask, in the order of the shards.

    Raises:
        StoreError: not a run, or a shard that cannot be read.
        DataError: there is no such sample.
    """
    source = open_source(store)
    lessons = list(lessons_in(store, [shard.record for shard in source.shards if shard.split == split], side))
    if not lessons:
        shards = [shard.split for shard in source.shards].count(split)
        raise DataError(f"{store.uri}: no sample with a mask in the {split} split ({shards} shards); make more samples")
    return lessons


def lessons_in(store: Store, records: Iterable[ShardRecord], side: int) -> Iterator[Lesson]:
    """The samples of these shards that have a mask, in their order. StoreError: a shard that cannot be read."""
    for record in records:
        for row in read_shard(store, record, COLUMNS).to_pylist():
            if row["status"] == "ok":
                with shard_errors(store, record):
                    yield _sample(row, side)


def read_all(stores: Sequence[Store], split: str, side: int) -> list[Lesson]:
    """The lessons of several runs, one after the other; raises as `read_lessons`."""
    return [lesson for store in stores for lesson in read_lessons(store, split, side)]


def attribute_of(stores: Sequence[Store]) -> str:
    """What the masks of these runs are of.

    Raises:
        StoreError: not a run.
        ConfigError: runs of different attributes, whose masks would contradict each other.
    """
    names = {store.uri: str(open_source(store).config.get("attribute", "attribute")) for store in stores}
    if len(set(names.values())) > 1:
        listed = ", ".join(f"{uri} ({name})" for uri, name in names.items())
        raise ConfigError(f"--dataset: runs of one attribute go together, got {listed}; train a student for each")
    return next(iter(names.values()), "attribute")


def fingerprint(stores: Sequence[Store]) -> str:
    """sha256 over the committed shards of the runs, in order: others give another. StoreError: not a run."""
    return reading.fingerprint(shard.record for store in stores for shard in open_source(store).shards)


def lesson_of(pictures: Sequence[ByteArray], heat: FloatArray, mask: FloatArray, side: int) -> Lesson:
    """Pictures (H,W,3) uint8, heat and mask (h,w) in [0,1], of any sizes, brought to those of the student."""
    bodies = tuple(encode_image(resized(picture, side)) for picture in pictures)
    return Lesson(bodies, *(_levels(resized(each, side // SHRINK)) for each in (heat, mask)))


def mean_heat(lessons: Sequence[Lesson]) -> FloatArray:
    """(h,h) mean heat of one lesson or more: the map to beat that has seen no picture."""
    total = sum((lesson.heat.astype(np.float64) for lesson in lessons), np.zeros(lessons[0].heat.shape))
    return np.asarray(total / (FULL * len(lessons)), np.float32)


def resized(values: Array, side: int) -> Array:
    """(H,W) or (H,W,C) -> the same at `side` px: means over areas where that is smaller, else bilinear."""
    if values.shape[:2] == (side, side):
        return values
    how = cv2.INTER_AREA if side <= min(values.shape[:2]) else cv2.INTER_LINEAR
    return cast(Array, cv2.resize(values, (side, side), interpolation=how))


def _sample(row: dict[str, Any], side: int) -> Lesson:
    heat = decode_heat(row["heat"]["bytes"])
    mask = decode_image(row["conditioning_image"]["bytes"]).astype(np.float32) / FULL
    bodies = [row[name]["bytes"] for name in ENDS]
    if all(png_size(body) == (side, side) for body in bodies):  # nothing to decode: most of the time is saved
        return Lesson(tuple(bodies), *(_levels(resized(each, side // SHRINK)) for each in (heat, mask)))
    return lesson_of([decode_image(body) for body in bodies], heat, mask, side)


def png_size(body: bytes) -> tuple[int, int]:
    """(width, height) that a PNG says it has, px. ValueError: not a PNG."""
    if body[:8] != b"\x89PNG\r\n\x1a\n" or len(body) < 24:
        raise ValueError("not a PNG")
    width, height = struct.unpack(">II", body[16:24])
    return int(width), int(height)


def _levels(values: FloatArray) -> ByteArray:
    levels: ByteArray = np.rint(values * FULL).astype(np.uint8)
    return levels
