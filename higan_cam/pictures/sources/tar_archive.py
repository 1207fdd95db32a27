"""Pictures in a tar, plain or packed. Rows remember where in the unpacked archive they begin."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import tarfile
import tempfile
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO, cast

from higan_cam.errors import ConfigError
from higan_cam.pictures.kinds import looks_like_a_picture, suffix_of
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.sources.reader import MAX_BYTES, TOO_LARGE, closed_with, content_identity
from higan_cam.store.litter import is_litter
from higan_cam.store.ranges import open_object
from higan_cam.store.store import Store

MAX_UNPACKED = 32 << 30
"""A packed tar cannot be read from its middle: each process unpacks it into a temporary file of at most this."""
_AT_ONCE = 4 << 20
_APART = 1 << 18
_BLOCK = tarfile.BLOCKSIZE
_PACKED: dict[bytes, Callable[[Any], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_DAMAGE = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TarArchive:
    """The members of a tar, by name. Listing reads the archive once from end to end, and each picture's digest with it.

    Attributes:
        store: the folder of the archive.
        name: of the archive; what packs it is known by its first bytes.
    """

    store: Store
    name: str
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def in_order(self) -> bool:
        """See `Reader`: not as members were added."""
        return False

    def found(self, passed_over: Counter[str]) -> Iterator[PictureRow]:
        """See `Reader`. ConfigError: the archive breaks off."""
        with self._explained(), open_object(self.store, self.name, _AT_ONCE) as file, _unpacked(file) as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r|", bufsize=_BLOCK * 128) as archive:
                while member := archive.next():
                    # It would remember every name.
                    archive.members.clear()  # type: ignore[attr-defined]
                    row = _row(archive, member, passed_over)
                    if row is not None:
                        yield row
            self._check_end(file, unpacked)

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """See `Reader`. One member is read at a time."""
        if row.bytes > MAX_BYTES:
            return Unreadable(TOO_LARGE)
        with self._lock:
            self._whole.seek(row.offset)
            body = self._whole.read(row.bytes)
        return body if len(body) == row.bytes else Unreadable("breaks off with its archive")

    @cached_property
    def _whole(self) -> BinaryIO:
        """The unpacked archive, to read from any place."""
        file = closed_with(self, open_object(self.store, self.name, _APART))
        unpacked = _unpacked(file)
        if unpacked is file:
            return file
        copy = closed_with(self, cast(BinaryIO, tempfile.TemporaryFile(prefix="higan-cam-tar-")))  # noqa: SIM115
        with self._explained(), file, unpacked:
            while part := unpacked.read(_AT_ONCE):
                copy.write(part)
                if copy.tell() > MAX_UNPACKED:
                    raise ConfigError(
                        f"pictures: {self.store.uri}/{self.name}: more than {MAX_UNPACKED >> 30} GiB unpacked, and a "
                        "packed tar is unpacked to be read; a plain tar and a zip are read where they lie"
                    )
        return copy

    def _check_end(self, file: BinaryIO, unpacked: BinaryIO) -> None:
        """Something packed knows whether it is whole; a plain tar ends in zeros."""
        if unpacked is not file:
            while unpacked.read(_AT_ONCE):
                pass
            return
        file.seek(-min(_BLOCK, file.seek(0, 2)), 2)
        if any(file.read()):
            log.warning("pictures=%s/%s has no mark of its end: it may break off", self.store.uri, self.name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise ConfigError(
                f"pictures: {self.store.uri}/{self.name}: not a whole tar ({str(error)[:80] or type(error).__name__}); "
                "copy it again, or name the folder"
            ) from error


def _row(archive: tarfile.TarFile, member: tarfile.TarInfo, passed_over: Counter[str]) -> PictureRow | None:
    name = member.name.removeprefix("./").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if member.isdir() or is_litter(name, member.size):
        return None
    if not member.isreg() or member.issparse():
        passed_over["links and the like"] += 1
        return None
    if not looks_like_a_picture(name):
        passed_over[suffix_of(name) or "without an ending"] += 1
        return None
    file = archive.extractfile(member)
    etag = content_identity(file.read()) if file and member.size <= MAX_BYTES else ""
    return PictureRow(0, name, member.size, etag, member.offset_data)


def _unpacked(file: BinaryIO) -> BinaryIO:
    """What unpacks the file on the way; the file itself where it is a plain tar."""
    head = file.read(max(map(len, _PACKED)))
    file.seek(0)
    opens = next((opens for beginning, opens in _PACKED.items() if head.startswith(beginning)), None)
    return file if opens is None else cast(BinaryIO, opens(file))
