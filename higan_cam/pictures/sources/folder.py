"""Pictures as files: a folder or bucket at any depth, those of it that a pattern names, or one file."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from higan_cam.pictures.kinds import looks_like_a_picture, suffix_of
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.sources.reader import MAX_BYTES, TOO_LARGE, object_content
from higan_cam.store.places.local import LocalBackend
from higan_cam.store.store import Store

TAG = "etag:"
"""What the identity of a content begins with that an object store gave."""
_LOST = "\ufffd"


@dataclass(frozen=True)
class Folder:
    """Files below a store. On an object store its tags are the identities, so that listing reads no picture.

    Attributes:
        store: the folder or bucket.
        wanted: matches the keys that are meant; None: all.
        name: the one key that is meant; None: all.
    """

    store: Store
    wanted: re.Pattern[str] | None = None
    name: str | None = None

    @property
    def in_order(self) -> bool:
        """See `Reader`: not as places list."""
        return False

    def found(self, passed_over: Counter[str]) -> Iterator[PictureRow]:
        """See `Reader`."""
        if self.name and self._is_local:
            # Not by listing, which would walk through all that lies beside it.
            yield PictureRow(0, self.name, self.store.size(self.name) or 0, "")
            return
        for key, size, tag in self.store.listing(self.name or ""):
            if (self.name and key != self.name) or (self.wanted and not self.wanted.fullmatch(key)):
                continue
            if self.name or looks_like_a_picture(key):
                yield PictureRow(0, _as_text(key), size, f"{TAG}{tag}" if tag else "")
            else:
                passed_over[suffix_of(_as_text(key)) or "without an ending"] += 1

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """See `Reader`."""
        if row.bytes > MAX_BYTES:
            return Unreadable(TOO_LARGE)
        key = _on_disk(self.store.root, row.key) if self._is_local and _LOST in row.key else row.key
        body = object_content(self.store, key)
        if isinstance(body, bytes) and row.etag.startswith(TAG) and not self._is_same(row, body):
            return Unreadable("not the bytes that were listed")
        return body

    @property
    def _is_local(self) -> bool:
        return isinstance(self.store.backend, LocalBackend)

    def _is_same(self, row: PictureRow, body: bytes) -> bool:
        """A tag is the MD5 of most objects; of others (in parts, encrypted) the server has to be asked."""
        tag = row.etag.removeprefix(TAG)
        if len(body) != row.bytes or hashlib.md5(body, usedforsecurity=False).hexdigest() == tag:
            return len(body) == row.bytes
        return any(key == row.key and now == tag for key, _, now in self.store.listing(row.key))


def _as_text(key: str) -> str:
    """A name in no encoding that is known here, as old archives leave them, with a mark for each lost character."""
    return os.fsencode(key).decode("utf-8", errors="replace")


def _on_disk(root: str, key: str) -> str:
    """The name that `_as_text` made a key of."""
    names: list[str] = []
    for part in key.split("/"):
        folder = Path(root, *names)
        there = sorted(folder.iterdir()) if _LOST in part and folder.is_dir() else []
        names.append(next((path.name for path in there if _as_text(path.name) == part), part))
    return "/".join(names)
