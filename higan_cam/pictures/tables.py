"""Rows of a listing as Arrow tables, and sorted on disk where there are more than memory should hold."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.pictures.nouns import PictureRow

PART_ROWS = 100_000
"""Rows of a part of a listing, and rows that are sorted in memory at once."""
_BATCH = 2_000
SCHEMA = pa.schema(
    [
        pa.field("index", pa.int64(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("duplicate_of", pa.int64()),
    ]
)


def table_of(rows: Iterable[PictureRow]) -> pa.Table:
    """Rows -> a table of `SCHEMA`."""
    held = list(rows)
    return pa.Table.from_arrays(
        [pa.array([getattr(row, each.name) for row in held], each.type) for each in SCHEMA], schema=SCHEMA
    )


def rows_of(table: pa.Table) -> Iterator[PictureRow]:
    """The rows of a table of `SCHEMA`, in order, made a few at a time."""
    for batch in table.to_batches(max_chunksize=_BATCH):
        yield from _rows_of_batch(batch)


def read_rows(path: Path) -> Iterator[PictureRow]:
    """The rows of a Parquet file of `SCHEMA`, in order, a few in memory at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH, use_threads=False):
            yield from _rows_of_batch(batch)


def _rows_of_batch(batch: Any) -> Iterator[PictureRow]:
    return map(PictureRow, *(batch.column(name).to_pylist() for name in SCHEMA.names))


def sorted_rows(rows: Iterable[PictureRow], passed_over: Counter[str], count: int) -> Iterator[PictureRow]:
    """The rows by key, in memory `count` at a time; the rest waits in a temporary folder.

    Of several rows with one key the last in the source counts, as in an archive that was added to; the others are
    counted in `passed_over`.
    """
    with TemporaryDirectory(prefix="higan-cam-listing-") as folder:
        runs: list[Iterable[PictureRow]] = []
        remaining = iter(rows)
        while chunk := sorted(islice(remaining, count), key=_order):
            if len(chunk) < count and not runs:
                runs.append(chunk)
                break
            path = Path(folder, f"{len(runs)}.parquet")
            pq.write_table(table_of(chunk), path, row_group_size=_BATCH)
            runs.append(read_rows(path))
        yield from _last_of_each(heapq.merge(*runs, key=_order), passed_over)


def _order(row: PictureRow) -> tuple[str, int]:
    return row.key, row.offset


def _last_of_each(rows: Iterable[PictureRow], passed_over: Counter[str]) -> Iterator[PictureRow]:
    held: PictureRow | None = None
    for row in rows:
        if held is not None and held.key != row.key:
            yield held
        elif held is not None:
            passed_over["the same name again"] += 1
        held = row
    if held is not None:
        yield held
