"""What each kind of source does, and how the bytes of one picture are had from a place."""

from __future__ import annotations

import errno
import hashlib
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from higan_cam.errors import StoreError
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.store.places.local import LocalBackend
from higan_cam.store.store import Store

MAX_BYTES = 1 << 30
"""A larger file is not read into memory; a picture of `decoding.MAX_PIXELS` needs 0.5 GiB at most in 8-bit RGB."""
TOO_LARGE = f"more than {MAX_BYTES:,} bytes"
DIGEST = "sha256:"
"""What the identity of a content begins with that was read for it."""
GONE = "no such file"
_OWN = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EINVAL}
"""What is wrong with one file, and not with the disk."""


def content_identity(content: bytes) -> str:
    """What identifies bytes that were read, in a listing."""
    return f"{DIGEST}{hashlib.sha256(content).hexdigest()}"


class Reader(Protocol):
    """One kind of source."""

    @property
    def in_order(self) -> bool:
        """Whether `found` gives the rows in the order that they keep; else they are sorted by key."""
        ...

    def found(self, passed_over: Counter[str]) -> Iterator[PictureRow]:
        """Every picture, all with index 0, in bounded memory.

        `bytes` and `etag` are those of the content as far as they are known without reading it: "" else. What is no
        picture is counted in `passed_over` by its kind.
        """
        ...

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """The encoded picture, safe to ask from several threads. StoreError: the place does not answer."""
        ...


def closed_with(owner: object, file: BinaryIO) -> BinaryIO:
    """The file, which is closed when its owner is gone."""
    weakref.finalize(owner, file.close)
    return file


def object_content(store: Store, key: str) -> bytes | Unreadable:
    """The bytes of one object below a store, or what is wrong with it. StoreError: the place does not answer."""
    if isinstance(store.backend, LocalBackend):
        return file_content(Path(f"{store.root}/{key}"))
    try:
        body = store.part(key, 0, MAX_BYTES + 1)
    except ValueError:
        return Unreadable("its name has an empty part, '.', '..' or a backslash; rename it")
    if body is None:
        return Unreadable(GONE)
    return body if len(body) <= MAX_BYTES else Unreadable(TOO_LARGE)


def file_content(path: Path) -> bytes | Unreadable:
    """The bytes of a local file, or what is wrong with it. StoreError: the disk is at fault."""
    # Not through the store, whose keys have no backslash: the names of people's files do.
    try:
        if path.is_dir():
            return Unreadable("a folder")
        if not path.is_file():
            return Unreadable("not a file" if path.exists() else GONE)
        return path.read_bytes() if path.stat().st_size <= MAX_BYTES else Unreadable(TOO_LARGE)
    except FileNotFoundError:
        return Unreadable(GONE)
    except ValueError:
        return Unreadable("not a file's name")
    except OSError as error:
        if error.errno in _OWN:
            return Unreadable(f"cannot be read ({error.strerror})")
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check the disk") from error
