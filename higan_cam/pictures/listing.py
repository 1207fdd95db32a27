"""The listing of a run: made once, then read. Index i is the same picture whatever happens in the folder meanwhile."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.config import StoreConfig
from higan_cam.errors import ConfigError, RunMismatchError, StoreError
from higan_cam.pictures.duplicates import Marks, first_of_each, mark_of
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.source import PictureSource, absolute, open_pictures
from higan_cam.pictures.sources.reader import content_identity
from higan_cam.pictures.tables import PART_ROWS, rows_of, sorted_rows, table_of
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import LISTING_KEY, listing_part
from higan_cam.store.store import Store
from higan_cam.types import IntArray

_SHOWN = 8
_WINDOW = 64
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """A frozen listing, read a part at a time; the last part that was asked for stays in memory. Pickles.

    Attributes:
        store: the run's output.
        source: what was listed, as the user named it.
        place: the same as any process of this machine finds it, whatever its working directory.
        column: of it, if one was named.
        count: pictures.
        duplicates: how many have the content of an earlier one.
        passed_over: {kind: how many} of what is no picture.
        part_rows: rows of every part but the last.
        digests: sha256 of each part.
    """

    store: Store
    source: str
    place: str
    column: str | None
    count: int
    duplicates: int
    passed_over: dict[str, int]
    part_rows: int
    digests: tuple[str, ...]
    _held: dict[int, pa.Table] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> PictureRow:
        """The row of an index, also counted from the end. IndexError beyond."""
        place = index + self.count if index < 0 else index
        if not 0 <= place < self.count:
            raise IndexError(f"index {index} of a listing of {self.count} pictures")
        return next(rows_of(self._part(place // self.part_rows).slice(place % self.part_rows, 1)))

    def __iter__(self) -> Iterator[PictureRow]:
        for number in range(len(self.digests)):
            yield from rows_of(self._part(number))

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Listing, tuple(getattr(self, name) for name in self.__dataclass_fields__ if name != "_held")

    def _part(self, number: int) -> pa.Table:
        """StoreError: the part is not the one that was frozen."""
        table = self._held.get(number)
        if table is None:
            key = listing_part(number)
            body = self.store.get(key)
            if digest(body) != self.digests[number]:
                raise StoreError(
                    f"{self.store.uri}: {key} is not the part that {LISTING_KEY} names; the listing is damaged, and "
                    "with it which picture an index means: start again in an empty output"
                )
            table = pq.read_table(pa.BufferReader(body), use_threads=False)
            self._held.clear()
            self._held[number] = table
        return table


def list_pictures(source: str, config: StoreConfig | None = None, column: str | None = None) -> Iterator[PictureRow]:
    """Every picture of a source, sorted, with the identity of its content; in bounded memory.

    Pictures in an object store are known by the tags of its listing; any others are read once for their sha256. What
    cannot be read is a row without an identity. `duplicate_of` is not known yet; `freeze_listing` finds it.

    Raises:
        ConfigError: as `open_pictures`; an archive that breaks off.
        StoreError: the place does not answer.
    """
    return _listed(open_pictures(source, config, column), Counter())


def check_pictures(store: Store, source: str, config: StoreConfig, column: str | None = None) -> None:
    """Look whether there is a picture, unless this output has its listing already; nothing is written.

    Raises:
        ConfigError: there are none, or as `open_pictures`.
        StoreError: output or source do not answer.
    """
    if store.find(LISTING_KEY) is None:
        opened, passed_over = open_pictures(source, config, column), Counter[str]()
        if next(iter(opened.reader.found(passed_over)), None) is None:
            _say(opened.source, 0, passed_over)


def freeze_listing(
    store: Store,
    source: str,
    config: StoreConfig | None = None,
    column: str | None = None,
    part_rows: int = PART_ROWS,
) -> Listing:
    """The listing of this output: made and written by the first call, read by every later one, which asks no source.

    The parts are written first and the small object that names their digests last, exclusively: before that the
    listing is not there, and the next call makes it again.

    Args:
        store: the run's output.
        source: as for `open_pictures`.
        config: how the source's object store is reached; None: as the output's.
        column: as for `open_pictures`.
        part_rows: rows of a part.

    Raises:
        RunMismatchError: the output has the listing of another source or column.
        ConfigError: there are no pictures, or as `list_pictures`.
        StoreError: output or source do not answer.
    """
    settings = config or store.settings
    source = absolute(source)
    body = store.find(LISTING_KEY)
    if body is None:
        opened = open_pictures(source, settings, column)
        store.put_new(LISTING_KEY, canonical_json(_frozen(store, opened, part_rows)))
        body = store.get(LISTING_KEY)
    return _read(store, body, source, column)


def read_listing(store: Store) -> Listing | None:
    """The frozen listing of an output, None where it has none. StoreError: it cannot be read."""
    body = store.find(LISTING_KEY)
    return None if body is None else _parsed(store, body)


def frozen_listing(store: Store) -> Listing:
    """The frozen listing of an output. StoreError: it has none, or it cannot be read."""
    listing = read_listing(store)
    if listing is None:
        raise StoreError(
            f"{store.uri}: there is no {LISTING_KEY}; run the same command again, which lists the pictures"
        )
    return listing


def _read(store: Store, body: bytes, source: str, column: str | None) -> Listing:
    listing = _parsed(store, body)
    if (listing.source, listing.column) != (source, column):
        there, asked = (
            f"{name}{f', column {of}' if of else ''}"
            for name, of in ((listing.source, listing.column), (source, column))
        )
        raise RunMismatchError(
            f"{store.uri}: lists the pictures of {there}, not of {asked}; choose another output, or name that source"
        )
    return listing


def _parsed(store: Store, body: bytes) -> Listing:
    try:
        values: dict[str, Any] = json.loads(body)
        return Listing(store, **(values | {"digests": tuple(values["digests"])}))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{store.uri}: {LISTING_KEY} cannot be read ({error}); is it of another version?") from error


def _frozen(store: Store, opened: PictureSource, part_rows: int) -> dict[str, Any]:
    """List, find duplicates, write the parts; what is to stand in the object that ends it."""
    passed_over: Counter[str] = Counter()
    with TemporaryDirectory(prefix="higan-cam-listing-") as folder:
        marks, unknown = _spooled(_listed(opened, passed_over, part_rows), Path(folder), part_rows)
        count = sum(len(each) for each in marks)
        _say(opened.source, count, passed_over)
        firsts = first_of_each(marks, np.array(unknown, np.int64))
        parts = [firsts[start : start + part_rows] for start in range(0, count, part_rows)]
        digests = [_write_part(store, Path(folder, str(n)), n, part) for n, part in enumerate(parts)]
    return {
        "source": opened.source,
        "place": opened.source if "://" in opened.source else str(Path(opened.source).expanduser().absolute()),
        "column": opened.column,
        "count": count,
        "duplicates": int((firsts >= 0).sum()),
        "passed_over": dict(passed_over),
        "part_rows": part_rows,
        "digests": digests,
    }


def _spooled(rows: Iterator[PictureRow], folder: Path, part_rows: int) -> tuple[list[Marks], list[int]]:
    """The rows as parts in a local folder; 16 bytes for each are kept, and the indices of those without identity."""
    marks: list[Marks] = []
    unknown: list[int] = []
    while part := list(islice(rows, part_rows)):
        unknown += [row.index for row in part if not row.etag]
        pq.write_table(table_of(part), folder / str(len(marks)))
        marks.append(np.array([mark_of(row) for row in part], np.uint64))
        log.info("pictures=%d listed", part[-1].index + 1)
    return marks, unknown


def _write_part(store: Store, path: Path, number: int, firsts: IntArray) -> str:
    """Put a part into the output, now with its rows' duplicates, -1 for none; its digest."""
    table = pq.read_table(path, use_threads=False)
    place = table.schema.get_field_index("duplicate_of")
    known = table.set_column(place, table.schema.field(place), pa.array(firsts, mask=firsts < 0))
    sink = pa.BufferOutputStream()
    pq.write_table(known, sink, compression="zstd", use_dictionary=False)
    body = sink.getvalue().to_pybytes()
    # Over what a listing that was not finished may have left.
    store.put(listing_part(number), body)
    return digest(body)


def _listed(opened: PictureSource, passed_over: Counter[str], at_once: int = PART_ROWS) -> Iterator[PictureRow]:
    found = opened.reader.found(passed_over)
    ordered = found if opened.reader.in_order else sorted_rows(found, passed_over, at_once)
    return (replace(row, index=index) for index, row in enumerate(_identified(opened, ordered)))


def _identified(opened: PictureSource, rows: Iterator[PictureRow]) -> Iterator[PictureRow]:
    """Read what has no identity yet, a few at once."""

    def identified(row: PictureRow) -> PictureRow:
        content = opened.reader.content(row)
        if isinstance(content, Unreadable):
            return row
        return replace(row, bytes=len(content), etag=content_identity(content))

    with ThreadPoolExecutor(opened.config.connections) as pool:
        while window := list(islice(rows, _WINDOW)):
            read = pool.map(identified, [row for row in window if not row.etag])
            yield from (row if row.etag else next(read) for row in window)


def _say(source: str, count: int, passed_over: Counter[str]) -> None:
    shown = ", ".join(f"{number} {kind}" for kind, number in passed_over.most_common(_SHOWN))
    if not count:
        raise ConfigError(f"pictures: {source}: no pictures there{f' (passed over: {shown})' if shown else ''}")
    if passed_over:
        log.warning("pictures=%s count=%d passed over: %s", source, count, shown)
