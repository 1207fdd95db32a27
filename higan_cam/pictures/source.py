"""What a user names as pictures -> what reads them: the one door for every command that takes pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from fsspec.utils import glob_translate

from higan_cam.config import StoreConfig
from higan_cam.errors import ConfigError
from higan_cam.pictures.decoding import decode_picture
from higan_cam.pictures.kinds import looks_like_a_picture
from higan_cam.pictures.nouns import WHITE, Colour, Picture, PictureRow, Unreadable
from higan_cam.pictures.sources.csv_table import PathTable
from higan_cam.pictures.sources.folder import Folder
from higan_cam.pictures.sources.parquet_files import ParquetFiles, run_files
from higan_cam.pictures.sources.reader import DIGEST, Reader, content_identity
from higan_cam.pictures.sources.tar_archive import TarArchive
from higan_cam.pictures.sources.zip_archive import ZipArchive
from higan_cam.store.places.local import LocalBackend
from higan_cam.store.store import Store, open_store
from higan_cam.store.uris import read_place

_MAGIC = re.compile(r"[*?\[]")
PARQUET = (".parquet", ".pq")
_KINDS = "a folder, a pattern such as 'photos/**/*.jpg', a picture, a .zip, .tar, .tar.gz, .parquet or .csv"


@dataclass(frozen=True)
class PictureSource:
    """Pictures in one place. Pickles as its text and settings: each process opens its own. Safe among threads.

    Attributes:
        source: what the user named.
        config: how an object store is reached.
        column: of a table, where it has several.
        background: what transparent pixels are laid on, RGB.
    """

    source: str
    config: StoreConfig = field(default_factory=StoreConfig)
    column: str | None = None
    background: Colour = WHITE

    def read(self, row: PictureRow) -> Picture | Unreadable:
        """The picture of a row, if it is still the one that was listed.

        Raises:
            StoreError: the place does not answer, which says nothing about the picture.
        """
        content = self.content(row)
        return content if isinstance(content, Unreadable) else decode_picture(content, self.background)

    def content(self, row: PictureRow) -> bytes | Unreadable:
        """The encoded picture of a row; otherwise as `read`."""
        content = self.reader.content(row)
        if isinstance(content, Unreadable):
            return content
        if not row.etag:
            return Unreadable("could not be read when the pictures were listed; only a new run looks again")
        if row.etag.startswith(DIGEST) and row.etag != content_identity(content):
            return Unreadable("not the bytes that were listed")
        return content

    @cached_property
    def reader(self) -> Reader:
        """What reads this kind of source; opened at the first use."""
        return _reader(self.source, self.config, self.column)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return PictureSource, (self.source, self.config, self.column, self.background)


def open_pictures(
    source: str | os.PathLike[str],
    config: StoreConfig | None = None,
    column: str | None = None,
    background: Colour = WHITE,
) -> PictureSource:
    """The pictures at a place: a folder, a pattern, an archive, a table; local, or below an object store's URI.

    Raises:
        ConfigError: nothing is there, it is of no kind that is read, or it lacks the column.
    """
    settings = config or StoreConfig()
    opened = PictureSource(absolute(os.fspath(source)), settings, column, background)
    _ = opened.reader  # what is wrong with it is said here
    return opened


def absolute(source: str) -> str:
    """The same source for a process in another working directory. ConfigError: no place is written like that."""
    base, pattern = _split_pattern(source)
    with _as_pictures():
        uri = read_place(base).uri
    return f"{uri}/{pattern}" if pattern else uri


def _reader(source: str, config: StoreConfig, column: str | None) -> Reader:
    base, pattern = _split_pattern(source)
    with _as_pictures():
        store = open_store(base, config)
    if pattern:
        return _of_pattern(store, pattern, column)
    # What a folder and a file lie in, reached by the same client.
    root, _, name = store.root.rpartition("/")
    parent = replace(store, uri=store.uri.rpartition("/")[0], root=root)
    if not _is_file(store, parent, name):
        return run_files(store, column) or Folder(store)
    for endings, open_kind in _FILES.items():
        if name.lower().endswith(endings):
            return open_kind(parent, name, column)
    if looks_like_a_picture(name):
        return Folder(parent, name=name)
    raise ConfigError(f"pictures: {source}: a file of no kind that is read here; expected {_KINDS}")


def _split_pattern(source: str) -> tuple[str, str]:
    """The folder that a pattern starts from, and the pattern below it; "" where the text is no pattern."""
    if not _MAGIC.search(source) or ("://" not in source and Path(source).expanduser().exists()):
        return source, ""
    parts = source.split("/")
    first = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
    return "/".join(parts[:first]) or ("/" if source.startswith("/") else "."), "/".join(parts[first:])


@contextmanager
def _as_pictures() -> Iterator[None]:
    """What is wrong with the text of a place, said of the pictures and not of the output."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"pictures: {str(error).removeprefix('output: ')}") from error


def _is_file(store: Store, parent: Store, name: str) -> bool:
    """Whether the store's own path is a file, not a folder. ConfigError: it is neither."""
    if isinstance(store.backend, LocalBackend):
        path = Path(store.root)
        if not path.exists():
            raise ConfigError(f"pictures: {store.uri}: no such folder or file; check the path")
        return not path.is_dir()
    if parent.root.strip("/") and parent.exists(name):
        return True
    if store.is_empty():
        raise ConfigError(f"pictures: {store.uri}: nothing is there; check the URI")
    return False


def _of_pattern(store: Store, pattern: str, column: str | None) -> Reader:
    wanted = re.compile(glob_translate(pattern))
    if not pattern.lower().endswith(PARQUET):
        return Folder(store, wanted)
    names = tuple(sorted(key for key, _, _ in store.listing() if wanted.fullmatch(key)))
    if not names:
        raise ConfigError(f"pictures: {store.uri}/{pattern}: no such file; check the pattern")
    return ParquetFiles(store, names, column)


_FILES: dict[tuple[str, ...], Callable[[Store, str, str | None], Reader]] = {
    (".zip",): lambda store, name, _: ZipArchive(store, name),
    (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"): lambda store, name, _: TarArchive(store, name),
    PARQUET: lambda store, name, column: ParquetFiles(store, (name,), column),
    (".csv", ".tsv", ".txt"): PathTable,
}
