"""weights.lock.json: which digests the fetched files had at first, whole and complete whoever else is fetching."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from higan_cam.errors import WeightsError
from higan_cam.files import write_whole

LOCK = "weights.lock.json"
"""Beside the files: {name: {file, sha256, bytes, url}} of what was fetched, which every later fetch must match."""
TURN = ".weights.lock"
"""Beside the record: an empty file that is locked while the record is read and written. It stays there."""


def recorded(folder: Path) -> dict[str, Any]:
    """What weights.lock.json says, by name; empty where there is none. WeightsError: it is damaged."""
    path = folder / LOCK
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if not all(isinstance(entry["sha256"], str) for entry in entries.values()):
            raise TypeError("a sha256 is not text")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"{path}: not a record of fetched files ({error}); restore it, or remove it to trust the files anew"
        ) from error
    return dict(entries)


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Hold the record: until the end of the block no other process has it. The kernel lets go of it where one dies.

    Raises:
        WeightsError: the folder cannot be written to, or its file system has no locks.
    """
    path = folder / TURN
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        os.close(handle)
        raise WeightsError(
            f"{path}: cannot be locked ({error.strerror}); set $HIGAN_CAM_WEIGHTS to a folder on another file system"
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def record(folder: Path, name: str, entry: dict[str, Any]) -> None:
    """Record a file; an entry with the same digest stays as it is. Only within `hold_lock`."""
    entries = recorded(folder)
    if entries.get(name, {}).get("sha256") == entry["sha256"]:
        return
    path = folder / LOCK
    try:
        write_whole(path, json.dumps({**entries, name: entry}, indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror})") from error
