"""Object stores through fsspec: Google's, and one in memory. Every write is one upload of a whole object.

S3 is in `s3`. What a client repeats by itself (gcsfs does) is not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

_CLIENT_ERRORS = {"gs": ("gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError")}


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
            found = self.read(path)
            if found is None:
                raise
            return found == body
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
        found: dict[str, Any] = self.filesystem.cat(paths, on_error="return")
        for body in found.values():
            if isinstance(body, Exception) and not isinstance(body, FileNotFoundError):
                raise body
        return {path: body for path, body in found.items() if isinstance(body, bytes)}

    def size(self, path: str) -> int | None:
        """See `backends.Backend`."""
        try:
            return int(self.filesystem.info(path)["size"])
        except FileNotFoundError:
            return None

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `backends.Backend`."""
        found = self.filesystem.find(prefix.rpartition("/")[0], detail=True)
        files = {path: int(info["size"]) for path, info in found.items() if info["type"] == "file"}
        return {path: size for path, size in files.items() if path.startswith(prefix)}

    def holds_anything(self, folder: str) -> bool:
        """See `backends.Backend`."""
        try:
            return bool(self.filesystem.ls(folder, detail=False))
        except FileNotFoundError:
            return False

    def remove_leftovers(self, folder: str, older_than_s: float) -> list[str]:  # noqa: ARG002
        """See `backends.Backend`. There are none: Google removes unfinished uploads by itself after a week."""
        return []


def remote_backend(protocol: str) -> RemoteBackend:
    """The backend of a protocol: gs, or memory (one process only). Credentials come from the client's own chain.

    Raises:
        ImportError: when the client library is not installed.
    """
    import fsspec

    return RemoteBackend(fsspec.filesystem(protocol, use_listings_cache=False), _failures(protocol))


def _failures(protocol: str) -> tuple[type[Exception], ...]:
    """What a client raises besides OSError; imported by name, because the clients are optional."""
    named = (module_and_name.split(":") for module_and_name in _CLIENT_ERRORS.get(protocol, ()))
    return (OSError, *(getattr(import_module(module), name) for module, name in named))
