"""Pictures in a column of Parquet files: those of a data set, or of a run of this project."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.errors import ConfigError
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.sources.reader import GONE, MAX_BYTES, TOO_LARGE, closed_with, content_identity
from higan_cam.store.keys import DATA, RUN_KEY
from higan_cam.store.manifest import read_manifest
from higan_cam.store.ranges import open_object
from higan_cam.store.store import Store
from higan_cam.types import IntArray

USUAL = "image"
_BUFFER = 1 << 20
_BATCH = 64
"""Rows that are read at once for their digests."""
_OPEN = 4
_DAMAGE = (pa.ArrowException, OSError, ValueError)  # Arrow reports damage within a page as OSError


@dataclass(frozen=True)
class _Opened:
    """A file, its column, and the first row of each row group and one beyond."""

    file: Any
    column: str
    starts: IntArray


@dataclass(frozen=True)
class ParquetFiles:
    """Rows in the order of the files and in theirs: `NAME#ROW`. Listing reads the column once for the digests.

    Attributes:
        store: the folder of the files.
        names: of the files, in order.
        column: that holds the pictures, as bytes or as the struct {bytes, path} of `datasets`; None: `image`, or the
            only one of such a type.
    """

    store: Store
    names: tuple[str, ...]
    column: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _files: dict[str, _Opened] = field(default_factory=dict, repr=False, compare=False)
    _group: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def in_order(self) -> bool:
        """See `Reader`."""
        return True

    def found(self, passed_over: Counter[str]) -> Iterator[PictureRow]:  # noqa: ARG002
        """See `Reader`. A damaged row group's rows are there, without identity."""
        for name in self.names:
            with self._lock:
                opened = self._open(name)
            for group in range(len(opened.starts) - 1):
                first, last = int(opened.starts[group]), int(opened.starts[group + 1])
                yield from _group_rows(opened, name, group, first, last)

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """See `Reader`. A row group is read whole, and the last one is kept."""
        name, _, number = row.key.rpartition("#")
        with self._lock:
            opened = self._open(name)
            if not number.isdecimal() or not int(number) < opened.starts[-1]:
                return Unreadable(GONE)
            group = int(np.searchsorted(opened.starts, int(number), side="right")) - 1
            try:
                return _content(self._cells(opened, name, group)[int(number) - int(opened.starts[group])])
            except _DAMAGE as error:
                return Unreadable(f"damaged in its Parquet file ({str(error)[:80]})")

    def _cells(self, opened: _Opened, name: str, group: int) -> Any:
        cells = self._group.get((name, group))
        if cells is None:
            cells = opened.file.read_row_group(group, columns=[opened.column], use_threads=False).column(0)
            self._group.clear()
            self._group[name, group] = cells
        return cells

    def _open(self, name: str) -> _Opened:
        opened = self._files.get(name)
        if opened is None:
            with _explained(self.store, name):
                source = closed_with(self, open_object(self.store, name, _BUFFER))
                file = pq.ParquetFile(source, buffer_size=_BUFFER)
                column = _picture_column(file.schema_arrow, self.column, f"{self.store.uri}/{name}")
                rows = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            while len(self._files) >= _OPEN:
                self._files.pop(next(iter(self._files))).file.close(force=True)
            opened = self._files[name] = _Opened(file, column, np.cumsum([0, *rows]))
        return opened


def run_files(store: Store, column: str | None) -> ParquetFiles | None:
    """The committed samples of a run of this project; None where the folder is none. ConfigError: it has no samples."""
    if not store.exists(RUN_KEY):
        return None
    entries = read_manifest(store, DATA).values()
    names = tuple(entry.record.path for entry in entries if entry is not None)
    if not names:
        raise ConfigError(f"pictures: {store.uri}: a run that has no samples yet; finish it, or name a folder in it")
    return ParquetFiles(store, names, column)


def _group_rows(opened: _Opened, name: str, group: int, first: int, last: int) -> Iterator[PictureRow]:
    row = first
    try:
        for batch in opened.file.iter_batches(_BATCH, row_groups=[group], columns=[opened.column], use_threads=False):
            for cell in batch.column(0):
                yield _row(f"{name}#{row}", _content(cell))
                row += 1
    except _DAMAGE:
        for lost in range(row, last):
            yield PictureRow(0, f"{name}#{lost}", 0, "")


def _row(key: str, content: bytes | Unreadable) -> PictureRow:
    if isinstance(content, Unreadable):
        return PictureRow(0, key, 0, "")
    return PictureRow(0, key, len(content), content_identity(content))


def _content(cell: Any) -> bytes | Unreadable:
    """The picture in an Arrow scalar; its path is decoded only where there is nothing else. ValueError: damage."""
    struct = pa.types.is_struct(cell.type) and cell.is_valid
    body = (cell["bytes"] if struct else cell).as_py()
    if body:
        return bytes(body) if len(body) <= MAX_BYTES else Unreadable(TOO_LARGE)
    path = cell["path"].as_py() if struct and cell.type.get_field_index("path") >= 0 else None
    return Unreadable(f"only a path in its row, {path!r}, which is not followed" if path else "nothing in its row")


def _picture_column(schema: Any, column: str | None, where: str) -> str:
    kinds = {each.name: each.type for each in schema}
    able = [name for name, kind in kinds.items() if _holds_pictures(kind)]
    chosen = column or (USUAL if USUAL in able else able[0] if len(able) == 1 else None)
    if chosen in able:
        return str(chosen)
    found = f"column {column} is {kinds.get(column, 'not there')}" if column else "no column of pictures is named"
    raise ConfigError(
        f"pictures: {where}: {found}; columns that hold bytes or {{bytes, path}} are {', '.join(able) or 'none'}"
    )


def _holds_pictures(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0) and _holds_pictures(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


@contextmanager
def _explained(store: Store, name: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ConfigError(
            f"pictures: {store.uri}/{name}: not a whole Parquet file ({str(error)[:80]}); copy it again"
        ) from error
