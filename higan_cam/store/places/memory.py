"""An object store through fsspec: the one in memory, which one process has to itself. Real ones: `s3` and `gcs`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from higan_cam.store.places.backend import nanoseconds


@dataclass(frozen=True)
class RemoteBackend:
    """An object store through fsspec. Every write is a single conditional or plain upload of the whole object."""

    filesystem: Any
    failures: tuple[type[Exception], ...]

    def create(self, path: str, body: bytes) -> bool:
        """See `backends.Backend`. True also where, after an error, the object there holds exactly `body`."""
        try:
            self.filesystem.pipe_file(path, body, mode="create")
        except FileExistsError:
            return False
        except self.failures:
            # The server may have acted before the connection broke, and some report a taken key as a plain error.
            present = self.read(path)
            if present is None:
                raise
            return present == body
        return True

    def replace(self, path: str, body: bytes) -> None:
        """See `backends.Backend`."""
        self.filesystem.pipe_file(path, body)

    def read(self, path: str) -> bytes | None:
        """See `backends.Backend`."""
        try:
            return bytes(self.filesystem.cat_file(path))
        except FileNotFoundError:
            return None

    def read_many(self, paths: list[str]) -> dict[str, bytes]:
        """See `backends.Backend`. Requests run concurrently."""
        if not paths:
            return {}
        bodies: dict[str, Any] = self.filesystem.cat(paths, on_error="return")
        for body in bodies.values():
            if isinstance(body, Exception) and not isinstance(body, FileNotFoundError):
                raise body
        return {path: body for path, body in bodies.items() if isinstance(body, bytes)}

    def size(self, path: str) -> int | None:
        """See `backends.Backend`."""
        try:
            found = self.filesystem.info(path)
        except FileNotFoundError:
            return None
        return int(found["size"]) if found["type"] == "file" else None

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`."""
        found = self.filesystem.find(prefix.rpartition("/")[0], detail=True)
        files = {path: int(info["size"]) for path, info in found.items() if info["type"] == "file"}
        return {path: size for path, size in files.items() if path.startswith(prefix)}

    def part(self, path: str, start: int, stop: int) -> bytes | None:
        """See `backends.Backend`."""
        try:
            return bytes(self.filesystem.cat_file(path, start=start, end=stop))
        except FileNotFoundError:
            return None

    def listing(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """See `backends.Backend`. Lists everything first."""
        return ((path, size, "") for path, size in self.sizes(prefix).items())

    def written(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`."""
        paths = self.sizes(prefix)
        return {path: nanoseconds(self.filesystem.modified(path)) for path in paths}

    def contents(self, folder: str) -> Iterator[tuple[str, int]]:
        """See `backends.Backend`. Lists everything first."""
        yield from self.sizes(f"{folder}/").items()

    def remove(self, path: str) -> None:
        """See `backends.Backend`."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(path)

    def remove_leftovers(self, folder: str, older_than_s: float) -> list[str]:  # noqa: ARG002
        """See `backends.Backend`. There are none."""
        return []


def memory_backend() -> RemoteBackend:
    """The backend of memory://."""
    import fsspec

    return RemoteBackend(fsspec.filesystem("memory", use_listings_cache=False), (OSError,))
