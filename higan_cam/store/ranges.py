"""An object as a file that can be read from any place, for libraries that want one; nothing is fetched whole."""

from __future__ import annotations

import io
from pathlib import Path

from higan_cam.errors import StoreError
from higan_cam.store.places.local import LocalBackend
from higan_cam.store.store import Store

BUFFER = 1 << 20
"""Bytes that a read of a bucket asks for at least."""


def open_object(store: Store, key: str, buffer: int = BUFFER) -> io.BufferedReader:
    """The object, open for reading; on a bucket each read beyond the buffer is one request.

    Raises:
        StoreError: no such object, or it cannot be read; later reads raise it too.
    """
    size = store.size(key)
    if size is None:
        raise StoreError(f"{store.uri}: no such object: {key}")
    if isinstance(store.backend, LocalBackend):
        try:
            return Path(f"{store.root}/{key}").open("rb")
        except OSError as error:
            raise StoreError(f"{store.uri}: cannot read {key} ({error.strerror}); check its permissions") from error
    return io.BufferedReader(_Ranges(store, key, size), buffer)


class _Ranges(io.RawIOBase):
    """Reads by range; the size is that of the moment it was opened."""

    def __init__(self, store: Store, key: str, size: int) -> None:
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"cannot seek to {start + offset}")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        stop = min(self._size, self._at + len(view))
        body = self._store.part(self._key, self._at, stop) if self._at < stop else b""
        if body is None:
            raise StoreError(f"{self._store.uri}: {self._key} is gone while it is being read")
        view[: len(body)] = body
        self._at += len(body)
        return len(body)
