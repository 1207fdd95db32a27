"""Reading committed shards of the dataset: the one reader of curation, gallery, report, sheets, exports and training.

A shard is held against the manifest's digest before anything is made of it. One of up to `WHOLE` bytes is fetched at
once; of a larger one, as photographs make, only what is asked for is in memory, and it is read twice: piece by piece
for its digest, and where its rows lie. Whatever is wrong with it is one `StoreError` that names the run, the shard and
the way out.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.errors import StoreError
from higan_cam.store.canonical import digest
from higan_cam.store.ranges import open_object
from higan_cam.store.store import Store
from higan_cam.types import ShardRecord

WHOLE = 64 << 20
"""Bytes of the largest shard that is fetched at once."""
_AT_ONCE = 8 << 20
"""Bytes that a request for a part of a larger one asks for at least."""
MAX_SHARDS = 64
"""Shards read for figures; more are sampled evenly, so that the report of a huge run stays cheap."""


@dataclass(frozen=True)
class OpenShard:
    """A shard whose bytes are those of the manifest. What its methods raise is the `StoreError` of `read_shard`."""

    store: Store
    record: ShardRecord
    file: pq.ParquetFile

    def table(self, columns: Sequence[str]) -> pa.Table:
        """The named columns, in the shard's order of rows."""
        with shard_errors(self.store, self.record):
            return self._having(columns).read(columns=list(columns), use_threads=False)

    def batches(self, columns: Sequence[str], rows: int) -> Iterator[list[dict[str, Any]]]:
        """The named columns as {column: value} per row, `rows` rows at a time, the last time fewer."""
        with shard_errors(self.store, self.record):
            for batch in self._having(columns).iter_batches(rows, columns=list(columns), use_threads=False):
                yield batch.to_pylist()

    def _having(self, columns: Sequence[str]) -> pq.ParquetFile:
        absent = [name for name in columns if name not in self.file.schema_arrow.names]
        if absent:
            where = f"{self.store.uri}: {self.record.path}"
            raise StoreError(f"{where} has no column {', '.join(absent)}; is it of another version?")
        return self.file


@contextmanager
def open_shard(store: Store, record: ShardRecord) -> Iterator[OpenShard]:
    """A shard to be read several times, its digest checked once.

    Raises:
        StoreError: as `read_shard`.
    """
    with (
        open_object(store, record.path, _AT_ONCE)
        if record.bytes > WHOLE
        else io.BytesIO(store.get(record.path)) as body
    ):
        with shard_errors(store, record):
            found = hashlib.file_digest(body, "sha256").hexdigest()
            if found != record.sha256:
                raise StoreError(
                    f"{store.uri}: {record.path} is damaged: its sha256 is not the manifest's {record.sha256}. "
                    "The run's own command makes it again (see `higan-cam verify`)."
                )
            body.seek(0)
            file = pq.ParquetFile(body, pre_buffer=False)  # which would keep all that is read in memory
        yield OpenShard(store, record, file)


def read_shard(store: Store, record: ShardRecord, columns: Sequence[str]) -> pa.Table:
    """The named columns of a shard, in its order of rows.

    Raises:
        StoreError: the object is not the one that the manifest names, is not Parquet, or was written without one of
            the columns.
    """
    with open_shard(store, record) as shard:
        return shard.table(columns)


def read_batches(
    store: Store, record: ShardRecord, columns: Sequence[str], rows: int
) -> Iterator[list[dict[str, Any]]]:
    """The named columns of a shard as {column: value} per row, `rows` rows at a time, the last time fewer.

    Raises:
        StoreError: as `read_shard`.
    """
    with open_shard(store, record) as shard:
        yield from shard.batches(columns, rows)


def read_notes(store: Store, record: ShardRecord) -> dict[str, str]:
    """The notes of a shard's file beside its rows (`dataset.write_rows`). StoreError: as `read_shard`."""
    with open_shard(store, record) as shard:
        found: Mapping[bytes, bytes] = shard.file.metadata.metadata or {}
        return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}


def evenly_spread(records: Sequence[ShardRecord], limit: int) -> list[ShardRecord]:
    """The middle one of each equal part, so many as hold about `limit` rows; all where they hold fewer."""
    rows = sum(record.rows for record in records)
    if rows <= limit:
        return list(records)
    count = max(1, len(records) * limit // rows)
    return [records[(2 * place + 1) * len(records) // (2 * count)] for place in range(count)]


def first_to_last(shards: list[int], limit: int) -> list[int]:
    """At most `limit` evenly spread shards, the first and the last among them."""
    if len(shards) <= limit:
        return shards
    return [shards[round(place)] for place in np.linspace(0, len(shards) - 1, limit)]


def fingerprint(records: Iterable[ShardRecord]) -> str:
    """sha256 over shards, in order: others give another."""
    return digest("".join(f"{record.path} {record.sha256}\n" for record in records).encode())


@contextmanager
def shard_errors(store: Store, record: ShardRecord) -> Iterator[None]:
    """What comes of a shard's bytes inside, from Arrow or from a picture that is none, is a `StoreError` naming it."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # Arrow reports damage within a page as OSError
        raise StoreError(f"{store.uri}: {record.path} cannot be read ({error}); see `higan-cam verify`") from error
