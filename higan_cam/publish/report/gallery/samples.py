"""The gallery: report/gallery.html over every sample, with its figures and thumbnails in script files beside it.

    report/gallery.html                                  the page: HTML, style and code
    report/gallery/samples.js                            figures of every sample; read when the page opens
    report/gallery/train-00000-of-00014.00032.js         thumbnails of 32 rows of that shard, from row 32

The files are scripts that call `higanCam.samples(…)` or `higanCam.pictures(…)`, because a page opened from a folder may
load scripts but not fetch data. They carry no clock and replace each other atomically, so the same run gives the same
bytes, and a reader sees old or new ones. Shards are read one after the other: memory holds one shard and the figures.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from higan_cam.publish.reading import evenly_spread, read_batches, shard_errors
from higan_cam.publish.report.gallery.page import render_gallery
from higan_cam.publish.report.gallery.thumbnails import TILES, Thumbnail, make_thumbnail
from higan_cam.store.keys import DATA, GALLERY, GALLERY_KEY, shard_stem
from higan_cam.store.manifest import committed
from higan_cam.store.run import read_run
from higan_cam.store.store import Store
from higan_cam.types import ShardRecord

LIMIT = 10_000
"""Samples that a gallery holds; of a larger run it takes evenly spread shards."""
ROWS = 32
"""Samples whose thumbnails lie in one file, about 0.4 MB at 128 px."""
FIGURES = (
    *("score", "score_negative", "score_positive", "retention", "necessity", "coverage"),
    *("retention_second", "necessity_second"),
)
"""Columns that become figures of the page; those without any value are left out."""
_WORDS = ("id", "text", "edit_prompt", "reason")
_PICTURES = (*TILES, "conditioning_image")
_COLUMNS = ("index", *FIGURES, "status", "regions", *_WORDS, *_PICTURES)
_THREADS = 8


@dataclass(frozen=True)
class GallerySummary:
    """How many samples the gallery holds, and how many the run has."""

    shown: int
    samples: int

    @property
    def note(self) -> str:
        """What of the run is shown, in words."""
        if self.shown == self.samples:
            return f"All {self.samples:,} samples of the run."
        return f"{self.shown:,} of the run's {self.samples:,} samples, from evenly spread shards."


@dataclass
class _Index:
    """What the page knows of every sample before it has seen a picture."""

    shards: list[str] = field(default_factory=list)
    files: list[tuple[str, int, int, int]] = field(default_factory=list)
    """(name, place in `shards`, first row, rows) of each file with thumbnails, in order."""
    columns: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        for name, values in columns.items():
            self.columns.setdefault(name, []).extend(values)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the rows of a stage become a gallery.

    Attributes:
        columns: that are read of each shard.
        words: texts of a row that come with its picture, {the page's name: column}.
        thumbnail: a row -> its pictures.
        figures: rows -> what the page knows of all of them, by name.
        limit: of rows, where that is less than `LIMIT`.
        rows: whose thumbnails lie in one file, and which are held at once, where that is not `ROWS`.
    """

    columns: tuple[str, ...]
    words: Mapping[str, str]
    thumbnail: Callable[[Mapping[str, Any]], Thumbnail]
    figures: Callable[[Sequence[Mapping[str, Any]]], dict[str, list[Any]]]
    limit: int | None = None
    rows: int | None = None


def write_gallery(store: Store) -> GallerySummary | None:
    """Write the gallery of what a run has committed; None where it has no sample yet.

    Raises:
        StoreError: not a run, or a shard that cannot be read.
    """
    run = read_run(store)
    records = committed(store, DATA, str(run.get("config_hash")))
    if not records:
        return None
    reading = Reading(columns=_COLUMNS, words={name: name for name in _WORDS}, thumbnail=_thumbnail, figures=_figures)
    summary = write_pictures(store, records, reading)
    store.put(GALLERY_KEY, render_gallery(run["config"]["attribute"], store.uri, summary.note).encode())
    return summary


def write_pictures(store: Store, records: Mapping[int, ShardRecord], reading: Reading) -> GallerySummary:
    """Write all but the page: thumbnails of each shard, and the figures. StoreError: a shard cannot be read."""
    index = _Index()
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for record in evenly_spread([records[shard] for shard in sorted(records)], reading.limit or LIMIT):
            _write_shard(store, record, index, reading, pool)
    columns = {name: values for name, values in index.columns.items() if any(value is not None for value in values)}
    payload = {"shards": index.shards, "files": index.files, "columns": columns}
    store.put(f"{GALLERY}samples.js", _script("samples", payload))
    return GallerySummary(sum(count for *_, count in index.files), sum(record.rows for record in records.values()))


def _write_shard(store: Store, record: ShardRecord, index: _Index, reading: Reading, pool: ThreadPoolExecutor) -> None:
    place, first = len(index.shards), 0
    index.shards.append(record.path)
    stem = shard_stem(record.path)
    for rows in read_batches(store, record, reading.columns, reading.rows or ROWS):
        name = f"{stem}.{first:05d}.js"
        with shard_errors(store, record):
            thumbnails = list(pool.map(reading.thumbnail, rows))
        words = {word: [row[column] for row in rows] for word, column in reading.words.items()}
        store.put(f"{GALLERY}{name}", _script("pictures", {"file": name, **_pictures(thumbnails), **words}))
        index.files.append((name, place, first, len(rows)))
        index.add(reading.figures(rows))
        first += len(rows)


def _thumbnail(row: Mapping[str, Any]) -> Thumbnail:
    return make_thumbnail({name: row[name]["bytes"] for name in _PICTURES})


def _pictures(thumbnails: Sequence[Thumbnail]) -> dict[str, Any]:
    return {
        "sizes": [(each.width, each.height, each.pitch) for each in thumbnails],
        "strips": [base64.b64encode(each.strip).decode("ascii") for each in thumbnails],
        "masks": [base64.b64encode(each.mask).decode("ascii") for each in thumbnails],
    }


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {
        "index": [row["index"] for row in rows],
        **{name: [short(row[name]) for row in rows] for name in FIGURES},
        "regions": [len(row["regions"]) for row in rows],
        "status": [row["status"] for row in rows],
    }


def short(value: float | None) -> float | None:
    """The shortest decimal that is the same float32: a third of the digits, and no filter counts otherwise."""
    return None if value is None else float(str(np.float32(value)))


def _script(function: str, payload: Mapping[str, Any]) -> bytes:
    """A script that calls `higanCam.<function>` with the payload. Nothing in it can end a script element."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"higanCam.{function}({text});\n".encode()
