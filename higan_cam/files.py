"""The one door through which local files are written: each is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write or replace a file, text as UTF-8; a process that is killed meanwhile leaves what was there before.

    A link is followed. What is there and is no regular file, such as /dev/stdout, is written to as it is.

    Raises:
        OSError: it cannot be written.
    """
    body = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(body)
    else:
        replace_whole(path.resolve(), body)


def replace_whole(target: Path, body: bytes) -> None:
    """As `write_whole`, but whatever has that name gives way, a link too."""
    with temporary_beside(target, body) as temporary:
        temporary.replace(target)
    sync_folder(target.parent)


@contextmanager
def temporary_beside(target: Path, body: bytes) -> Iterator[Path]:
    """A durable file with the body beside the target, removed afterwards if it still has its own name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(6)}.tmp")
    try:
        # Not mkstemp: a published file should have the mode that the user's umask gives.
        with temporary.open("xb") as handle:
            handle.write(body)
            handle.flush()
            os.fsync(handle.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Whether it is the name of a write that is not finished."""
    return name.startswith(".") and name.endswith(".tmp")


def sync_folder(folder: Path) -> None:
    """Make a new name durable; some network file systems refuse to sync a folder, and then there is nothing to do."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
