"""The output directory of a run: keys to bytes, on a local folder or an object store, with atomic writes only."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath

from higan_cam.config import StoreConfig
from higan_cam.config.store import EMULATOR, check_endpoint, emulator_url
from higan_cam.errors import ConfigError, StoreError
from higan_cam.store.litter import is_litter
from higan_cam.store.places.backend import Backend
from higan_cam.store.places.local import LocalBackend
from higan_cam.store.places.memory import memory_backend
from higan_cam.store.places.retrying import RequestError
from higan_cam.store.uris import read_place

_EXTRAS = {"s3": "s3", "gs": "gcs"}
_REMOTE_HINT = (
    "check that the bucket exists and that the credentials found by the client's own chain (environment, profile, "
    "role) may read, list and write there"
)
_SHOWN = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Store:
    """Keys ("data/train-00000-of-00040.parquet") to bytes under one output directory.

    Pickles as its URI and settings: each process opens its own client and no credential travels. Keys are relative,
    with "/" between parts and without "..", otherwise ValueError. Every method raises `StoreError`, naming the URI and
    the key, when the place cannot be reached, read or written.

    Attributes:
        uri: what to open it with again; absolute for local folders, so that workers elsewhere mean the same place.
        root: the backend's path of the output directory.
        backend: what reads and writes.
        settings: how it is reached.
    """

    uri: str
    root: str = field(repr=False)
    backend: Backend = field(repr=False, compare=False)
    settings: StoreConfig = field(default_factory=StoreConfig, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, tuple[str, StoreConfig]]:
        return open_store, (self.uri, self.settings)

    def put_new(self, key: str, body: bytes) -> bool:
        """Write `body` under a key that does not exist yet; atomic, and exclusive among all writers.

        Returns:
            True when this call created the object. False when it exists already, with whatever content: nothing was
            written. On an object store a lost reply makes the two hard to tell apart; the answer is then True only if
            the object holds exactly `body`, so a caller that finds False must compare before it concludes anything.
        """
        path = self._path(key)
        with self._explained("write", key):
            return self.backend.create(path, body)

    def put(self, key: str, body: bytes) -> None:
        """Write `body` over whatever is there; readers see the old object or the new one, never a part."""
        path = self._path(key)
        with self._explained("write", key):
            self.backend.replace(path, body)

    def get(self, key: str) -> bytes:
        """The bytes of an object that must exist."""
        body = self.find(key)
        if body is None:
            raise StoreError(f"{self.uri}: no such object: {key}")
        return body

    def find(self, key: str) -> bytes | None:
        """The bytes of an object, or None where there is none."""
        path = self._path(key)
        with self._explained("read", key):
            return self.backend.read(path)

    def find_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """{key: bytes} of those objects that exist; object stores are asked concurrently."""
        paths = {self._path(key): key for key in keys}
        with self._explained("read", f"{len(paths)} objects"):
            return {paths[path]: body for path, body in self.backend.read_many(list(paths)).items()}

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        return self.size(key) is not None

    def size(self, key: str) -> int | None:
        """Bytes of the object, or None where there is none."""
        path = self._path(key)
        with self._explained("read", key):
            return self.backend.size(path)

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """{key: bytes} of every object whose key starts with `prefix`, by key.

        Temporary files, marks of empty folders and what desktops leave (`litter`) are never among them.
        """
        with self._explained("list", prefix or "/"):
            listed = self.backend.sizes(f"{self.root}/{prefix}")
        named = ((path[len(self.root) + 1 :], listed[path]) for path in sorted(listed))
        return {key: size for key, size in named if not is_litter(key, size)}

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """The bytes [start, stop) of an object, fewer where it ends before; None where there is none."""
        path = self._path(key)
        with self._explained("read", key):
            return self.backend.part(path, start, stop)

    def listing(self, prefix: str = "") -> Iterator[tuple[str, int, str]]:
        """As `sizes`, one after the other in no order, so that memory does not grow with their number.

        Yields:
            Key, bytes, and the tag that the server gives to this content: "" on a local folder, which has none.
        """
        with self._explained("list", prefix or "/"):
            for path, size, tag in self.backend.listing(f"{self.root}/{prefix}"):
                key = path[len(self.root) + 1 :]
                if not is_litter(key, size):
                    yield key, size, tag

    def written(self, prefix: str = "") -> dict[str, int]:
        """{key: when it was last written} of every object whose key starts with `prefix` and whose place says so.

        Nanoseconds by the place's own clock: good to compare with each other, not with this machine's time.
        """
        with self._explained("list", prefix or "/"):
            found = self.backend.written(f"{self.root}/{prefix}")
        return {path[len(self.root) + 1 :]: when for path, when in found.items()}

    def list(self, prefix: str = "") -> tuple[str, ...]:
        """Keys that start with `prefix`, sorted."""
        return tuple(self.sizes(prefix))

    def is_empty(self) -> bool:
        """Whether nothing lies in the output directory yet (it need not exist); litter and marks are nothing."""
        return not self._first_keys(1)

    def glimpse(self) -> str:
        """The keys of a few of the objects there, for a message; "" where it is empty."""
        keys = self._first_keys(_SHOWN + 1)
        return ", ".join(sorted(keys[:_SHOWN])) + (" and more" if len(keys) > _SHOWN else "")

    def _first_keys(self, count: int) -> tuple[str, ...]:
        with self._explained("list", "/"):
            found = ((path[len(self.root) + 1 :], size) for path, size in self.backend.contents(self.root))
            return tuple(islice((key for key, size in found if not is_litter(key, size)), count))

    def remove(self, key: str) -> None:
        """Remove an object, if it is there. A store that does not allow it is no reason to stop: that is logged."""
        try:
            self.backend.remove(self._path(key))
        except self.backend.failures as error:
            _log.warning("%s: %s cannot be removed and stays (%s)", self.uri, key, _reason(error))

    def remove_leftovers(self) -> int:
        """Remove what dead writers left (unfinished uploads, temporary files) `settings.leftovers_s` ago or earlier.

        Returns how many. A store that does not allow it is no reason to stop: that is logged.
        """
        try:
            removed = self.backend.remove_leftovers(self.root, self.settings.leftovers_s)
        except self.backend.failures as error:
            _log.warning("%s: leftovers of dead writers stay (%s)", self.uri, _reason(error))
            return 0
        if removed:
            _log.info("%s: removed leftovers of dead writers: %s", self.uri, ", ".join(removed))
        return len(removed)

    def _path(self, key: str) -> str:
        pure = PurePosixPath(key)
        if not key or pure.is_absolute() or ".." in pure.parts or str(pure) != key or "\\" in key:
            raise ValueError(f"a key is a relative path such as 'data/x.parquet', got {key!r}")
        return f"{self.root}/{key}"

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        except self.backend.failures as error:
            raise StoreError(f"{self.uri}: cannot {verb} {key} ({_reason(error)}); {self._fix(error)}") from error

    def _fix(self, error: Exception) -> str:
        if isinstance(error, RequestError):
            return error.fix
        if not isinstance(self.backend, LocalBackend):
            return _REMOTE_HINT
        if isinstance(error, PermissionError):
            return "make the folder writable for this user or choose another output"
        if isinstance(error, (NotADirectoryError, FileExistsError, IsADirectoryError)):
            return "a file lies where a folder is needed (or the other way round): choose another output"
        return "check the disk (space, mount, permissions) or choose another output"


def open_store(uri: str | os.PathLike[str], settings: StoreConfig | None = None) -> Store:
    """A store at a local folder (absolute, relative or file://) or an object store URI (s3://bucket/path, gs://…).

    Nothing is read or written yet. Credentials come from the client's own chain: the environment, a profile, a role.

    Raises:
        ConfigError: for a text that is no place (`uris.read_place`), a client library that is not installed, or a
            setting of the client's that cannot be used.
    """
    settings, place = settings or StoreConfig(), read_place(os.fspath(uri))
    if place.protocol == "file":
        return Store(place.uri, place.path, LocalBackend(), settings)
    try:
        backend = _OPENERS[place.protocol](settings)
    except ImportError as error:
        extra = _EXTRAS.get(place.protocol, place.protocol)
        raise ConfigError(f"output: {place.uri} needs another library: pip install 'higan-cam[{extra}]'") from error
    # The memory file system alone has absolute paths.
    return Store(place.uri, f"/{place.path}" if place.protocol == "memory" else place.path, backend, settings)


def _open_s3(settings: StoreConfig) -> Backend:
    from higan_cam.store.places.s3 import s3_backend

    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        _check_variable(variable, os.environ.get(variable))
    return s3_backend(settings)


def _open_gcs(settings: StoreConfig) -> Backend:
    from higan_cam.store.places.gcs import gcs_backend

    _check_variable(EMULATOR, emulator_url(os.environ))
    return gcs_backend(settings)


_OPENERS: dict[str, Callable[[StoreConfig], Backend]] = {
    "s3": _open_s3,
    "gs": _open_gcs,
    "memory": lambda _: memory_backend(),
}


def _check_variable(variable: str, url: str | None) -> None:
    try:
        if url:
            check_endpoint(url)
    except ValueError as error:
        raise ConfigError(f"environment: {variable} {error}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, RequestError):
        return error.said
    strerror = error.strerror if isinstance(error, OSError) else None
    text = (strerror or str(error)).strip() or "no details"
    return f"{type(error).__name__}: {text.splitlines()[0]}"
