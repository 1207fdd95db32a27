"""Pictures in a zip, read where it lies: a bucket is asked for the ranges alone that are needed."""

from __future__ import annotations

import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from higan_cam.errors import ConfigError
from higan_cam.pictures.kinds import looks_like_a_picture, suffix_of
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.sources.reader import GONE, MAX_BYTES, TOO_LARGE, closed_with
from higan_cam.store.litter import is_litter
from higan_cam.store.ranges import open_object
from higan_cam.store.store import Store

_BUFFER = 1 << 18
_ENCRYPTED = 1


@dataclass(frozen=True)
class ZipArchive:
    """The members of a zip, by name. Its directory of names is held in memory, as the format has it at the end.

    Attributes:
        store: the folder of the archive.
        name: of the archive.
    """

    store: Store
    name: str
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def in_order(self) -> bool:
        """See `Reader`: not as members were added."""
        return False

    def found(self, passed_over: Counter[str]) -> Iterator[PictureRow]:
        """See `Reader`."""
        for member in self._archive.infolist():
            name = member.filename
            if member.is_dir() or is_litter(name, member.file_size):
                continue
            if looks_like_a_picture(name):
                yield PictureRow(0, name, member.file_size, "", member.header_offset)
            else:
                passed_over[suffix_of(name) or "without an ending"] += 1

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """See `Reader`. One member is read at a time."""
        with self._lock:
            try:
                member = self._archive.getinfo(row.key)
            except KeyError:
                return Unreadable(GONE)
            if member.flag_bits & _ENCRYPTED:
                return Unreadable("encrypted")
            if member.file_size > MAX_BYTES:
                return Unreadable(TOO_LARGE)
            try:
                with self._archive.open(member) as file:
                    return file.read(MAX_BYTES)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
                return Unreadable(f"damaged in the archive ({str(error)[:80]})")

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(closed_with(self, open_object(self.store, self.name, _BUFFER)))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ConfigError(
                f"pictures: {self.store.uri}/{self.name}: not a whole zip ({error}); copy it again, or name the folder"
            ) from error
