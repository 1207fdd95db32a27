"""A local folder as a place (`backend`). Every write is all or nothing.

Backends speak full paths and raise whatever the operating system or the client library raises; `store.Store` adds keys,
messages and the one error type. Object stores are in `s3` and `gcs`, the one in memory in `memory`.
"""

from __future__ import annotations

import errno
import mimetypes
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from higan_cam.files import is_temporary, replace_whole, sync_folder, temporary_beside
from higan_cam.store.litter import is_litter_folder

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True)
class LocalBackend:
    """A folder. A write is a temporary file in the target's folder, fsync, then link (new) or rename (over)."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def create(self, path: str, body: bytes) -> bool:
        """See `Backend`. `link` fails on a taken name, in one step and on network file systems too."""
        target = Path(path)
        if target.exists():
            return False
        with temporary_beside(target, body) as temporary:
            try:
                target.hardlink_to(temporary)
            except FileExistsError:
                # A network file system may lose the reply to a link that worked; two names mean it did.
                return temporary.stat().st_nlink == 2
            except OSError as error:
                if error.errno in _NO_LINKS:
                    raise OSError(
                        error.errno, "this file system has no hard links, which exclusive writes need"
                    ) from error
                raise
        sync_folder(target.parent)
        return True

    def replace(self, path: str, body: bytes) -> None:
        """See `Backend`."""
        replace_whole(Path(path), body)

    def read(self, path: str) -> bytes | None:
        """See `Backend`."""
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            return None

    def read_many(self, paths: list[str]) -> dict[str, bytes]:
        """See `Backend`."""
        bodies = ((path, self.read(path)) for path in paths)
        return {path: body for path, body in bodies if body is not None}

    def size(self, path: str) -> int | None:
        """See `Backend`."""
        target = Path(path)
        return target.stat().st_size if target.is_file() else None

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `Backend`."""
        files = (file for file in _files(prefix.rpartition("/")[0]) if str(file).startswith(prefix))
        return {str(file): file.stat().st_size for file in files}

    def part(self, path: str, start: int, stop: int) -> bytes | None:
        """See `Backend`."""
        try:
            with Path(path).open("rb") as file:
                file.seek(start)
                return file.read(max(0, stop - start))
        except FileNotFoundError:
            return None

    def listing(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """See `Backend`. Links are followed, unless they lead back to a folder that they lie in."""
        found = files_below(prefix.rpartition("/")[0])
        return ((path, size, "") for path, size in found if path.startswith(prefix))

    def written(self, prefix: str) -> dict[str, int]:
        """See `Backend`."""
        files = (file for file in _files(prefix.rpartition("/")[0]) if str(file).startswith(prefix))
        return {str(file): file.stat().st_mtime_ns for file in files}

    def contents(self, folder: str) -> Iterator[tuple[str, int]]:
        """See `Backend`."""
        # A link may lead nowhere, and is there all the same.
        return ((str(file), file.lstat().st_size) for file in _files(folder))

    def remove(self, path: str) -> None:
        """See `Backend`."""
        Path(path).unlink(missing_ok=True)

    def remove_leftovers(self, folder: str, older_than_s: float) -> list[str]:
        """See `Backend`: unlinks temporary files."""
        limit = time.time() - older_than_s
        stale = [file for file in _files(folder, temporary=True) if file.stat().st_mtime < limit]
        for file in stale:
            file.unlink(missing_ok=True)
        return [str(file) for file in stale]


def files_below(folder: str) -> Iterator[tuple[str, int]]:
    """Path and bytes of every file at any depth, without naming them all first; nothing where there is no folder.

    Links are followed, but not into a folder that they lie in. One that leads nowhere has 0 bytes.
    """
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [(folder, ())]
    while waiting:
        where, above = waiting.pop()
        try:
            status = Path(where).stat()
            found = os.scandir(where)
        except FileNotFoundError:
            continue
        identity = (status.st_dev, status.st_ino)
        with found:
            for entry in found if identity not in above else ():
                if entry.is_dir():
                    if not is_litter_folder(entry.name):
                        waiting.append((entry.path, (*above, identity)))
                elif not is_temporary(entry.name) and (entry.is_file() or _leads_nowhere(entry)):
                    yield entry.path, entry.stat().st_size if entry.is_file() else 0


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not Path(entry.path).exists()


def content_type(path: str) -> str:
    """What a browser is told: the report in a bucket opens as a page, instead of being downloaded."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def _files(folder: str, *, temporary: bool = False) -> Iterator[Path]:
    """Files below a folder, without those that a writer is at work on or left behind; or only those."""
    for parent, folders, names in os.walk(folder, onerror=_raise_unless_missing):
        # Some of them, such as lost+found at the root of a disk, may not even be listed.
        folders[:] = [name for name in folders if not is_litter_folder(name)]
        for name in names:
            if is_temporary(name) == temporary:
                yield Path(parent) / name


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
