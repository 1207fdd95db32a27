"""Object stores through fsspec. Every write is one PUT of a whole object in memory: all or nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

_S3_CHECKSUMS = {
    "AWS_REQUEST_CHECKSUM_CALCULATION": "request_checksum_calculation",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "response_checksum_validation",
}
_CLIENT_ERRORS = {
    "s3": ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError"),
    "gs": ("gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError"),
}


@dataclass(frozen=True)
class RemoteBackend:
    """An object store through fsspec. Every write is a single conditional or plain PUT of the whole object."""

    filesystem: Any
    failures: tuple[type[Exception], ...]
    single_put: bool = False
    """Keep large bodies out of multipart uploads, whose completion not every server makes conditional."""

    def create(self, path: str, body: bytes) -> bool:
        """See `backends.Backend`. True also where, after an error, the object there holds exactly `body`."""
        try:
            self.filesystem.pipe_file(path, body, mode="create", **self._options(body))
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
        self.filesystem.pipe_file(path, body, **self._options(body))

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

    def sizes(self, folder: str) -> dict[str, int]:
        """See `backends.Backend`."""
        found = self.filesystem.find(folder, detail=True)
        return {path: int(info["size"]) for path, info in found.items() if info["type"] == "file"}

    def holds_anything(self, folder: str) -> bool:
        """See `backends.Backend`."""
        try:
            return bool(self.filesystem.ls(folder, detail=False))
        except FileNotFoundError:
            return False

    def _options(self, body: bytes) -> dict[str, Any]:
        return {"chunksize": len(body) + 1} if self.single_put else {}


def remote_backend(protocol: str) -> RemoteBackend:
    """The backend of a protocol: s3, gs, or memory (one process only). Credentials come from the client's own chain.

    Raises:
        ImportError: when the client library is not installed.
    """
    import fsspec

    options: dict[str, Any] = {"config_kwargs": _s3_config()} if protocol == "s3" else {}
    filesystem = fsspec.filesystem(protocol, use_listings_cache=False, **options)
    return RemoteBackend(filesystem, _failures(protocol), single_put=protocol == "s3")


def _s3_config() -> dict[str, Any]:
    """Client settings that the environment does not already decide."""
    # Checksum trailers confuse servers other than AWS; the manifest's sha256 is the check that matters here.
    config: dict[str, Any] = {
        name: "when_required" for variable, name in _S3_CHECKSUMS.items() if variable not in os.environ
    }
    if not {"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"} & set(os.environ):
        # Each of these is tried five times again by s3fs; the default of five would make 25.
        config["retries"] = {"mode": "standard", "total_max_attempts": 2}
    return config


def _failures(protocol: str) -> tuple[type[Exception], ...]:
    """What a client raises besides OSError; imported by name, because the clients are optional."""
    named = (module_and_name.split(":") for module_and_name in _CLIENT_ERRORS.get(protocol, ()))
    return (OSError, *(getattr(import_module(module), name) for module, name in named))
