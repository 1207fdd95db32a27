"""Tables that people make: one that names pictures, a path in each line; in any encoding, with any usual separator."""

from __future__ import annotations

import csv
import posixpath
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from higan_cam.errors import ConfigError
from higan_cam.pictures.kinds import looks_like_a_picture
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.sources.reader import file_content, object_content
from higan_cam.store.ranges import open_object
from higan_cam.store.store import Store, open_store
from higan_cam.store.uris import Place, read_place
from higan_cam.weights.paths import expanded
from higan_cam.weights.texts import rows_in

USUAL = ("path", "image", "file", "file_name", "filename", "picture", "photo", "image_path")
"""Headings of the column of paths, in the order in which they are looked for."""


@dataclass(frozen=True)
class PathTable:
    """The pictures that a table names. Relative paths start at the table's own folder; URIs are places of their own.

    Attributes:
        store: the folder of the table.
        name: of the table.
        column: heading of the column of paths; None: one of `USUAL`, else the first that holds names of pictures.
    """

    store: Store
    name: str
    column: str | None = None
    _buckets: dict[str, Store] = field(default_factory=dict, repr=False, compare=False)

    @property
    def in_order(self) -> bool:
        """See `Reader`: by name, whatever the order of the lines."""
        return False

    def found(self, passed_over: Counter[str]) -> Iterator[PictureRow]:
        """See `Reader`. A file that is missing is a row, too."""
        where = f"{self.store.uri}/{self.name}"
        try:
            with open_object(self.store, self.name) as file, closing(rows_in(file)) as rows:
                lines = (cells for _, cells in rows)
                first = list(islice(lines, 2))
                place, heading = _layout(first, self.column, where)
                for cells in chain(first[int(heading) :], lines):
                    if len(cells) > place and cells[place]:
                        yield PictureRow(0, cells[place], 0, "")
                    else:
                        passed_over["lines without a path"] += 1
        except (OSError, ValueError, csv.Error) as error:
            raise ConfigError(f"pictures: {where}: the table cannot be read ({error})") from error

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """See `Reader`."""
        try:
            place = _place(read_place(self.store.uri), row.key)
        except ConfigError as error:
            return Unreadable(str(error).removeprefix("output: "))
        if isinstance(place, Unreadable):
            return place
        if place.protocol == "file":
            return file_content(Path(place.path))
        bucket, _, key = place.path.partition("/")
        return object_content(self._bucket(f"{place.protocol}://{bucket}"), key)

    def _bucket(self, uri: str) -> Store:
        """The store of a whole bucket; each has one client."""
        if uri not in self._buckets:
            self._buckets[uri] = open_store(uri, self.store.settings)
        return self._buckets[uri]


def _layout(first: list[list[str]], column: str | None, where: str) -> tuple[int, bool]:
    """The number of the column of paths, and whether the first line is a heading."""
    names = [cell.lower() for cell in first[0]] if first else []
    if column is not None:
        if column.lower() not in names:
            raise ConfigError(f"pictures: {where}: no column {column!r}; the first line has {', '.join(names)}")
        return names.index(column.lower()), True
    for known in USUAL:
        if known in names:
            return names.index(known), True
    for number, cells in enumerate(first):
        for place, cell in enumerate(cells):
            if looks_like_a_picture(cell):
                return place, number > 0
    return 0, False


def _place(folder: Place, text: str) -> Place | Unreadable:
    """Where a line's path leads. ConfigError: a URI that is none."""
    if "://" in text or text.startswith("file:"):
        return read_place(text)
    if folder.protocol == "file":
        return Place("file", str(Path(folder.path, expanded(text))))
    bucket, _, key = folder.path.partition("/")
    target = posixpath.normpath(posixpath.join(key, text))
    if text.startswith(("/", "~")) or target.startswith(".."):
        return Unreadable("a path that leads out of the table's bucket")
    return Place(folder.protocol, f"{bucket}/{target}")
