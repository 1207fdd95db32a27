"""What an export format is: which columns it reads, and how one shard of them becomes objects of the target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from higan_cam.publish.exports.record import ExportedShard
from higan_cam.publish.exports.source import Rows, SourceShard

Objects = Iterable[tuple[str, bytes]]
"""(key, body) pairs, each made when it is asked for: a shard of photographs has gigabytes of them."""


@dataclass(frozen=True)
class Encoded:
    """One source shard in the target's format.

    Attributes:
        objects: what to write.
        part: asked once they are written: what `Format.finish` needs of it again; goes into the export's record
            (JSON-compatible).
        rows: likewise: how many a loader finds in it; None for one a sample.
    """

    objects: Objects
    part: Callable[[], Mapping[str, Any]] = dict
    rows: Callable[[], int] | None = None


def finish_nothing(split: str, shards: Callable[[], Iterable[ExportedShard]]) -> Iterator[tuple[str, bytes]]:
    """The `Format.finish` of formats whose shards stand alone."""
    del split, shards
    yield from ()


@dataclass(frozen=True, kw_only=True)
class Format:
    """One export format. Pure: it sees rows and returns bytes.

    Attributes:
        columns: columns of the dataset that it reads.
        encode: (rows of one shard, its place) -> objects. Equal rows give equal bytes.
        finish: (split, its exported shards in order, as often as asked) -> objects over the whole split.
        contents: {column, file or field of the target: meaning}, for its card.
        load: (target URI, splits that have samples) -> Python lines that load it.
        keeps_empty: samples without a mask can be kept on request.
        glob: pattern of a split's files for the `configs` of its card ({split} is filled in); "" where `datasets` does
            not read the format.
        features: {column: type} as `card.dataset_info` takes them, for `dataset_info`; empty to leave it to the loader.
    """

    columns: tuple[str, ...]
    encode: Callable[[Rows, SourceShard], Encoded]
    contents: Mapping[str, str]
    load: Callable[[str, tuple[str, ...]], str]
    finish: Callable[[str, Callable[[], Iterable[ExportedShard]]], Iterator[tuple[str, bytes]]] = finish_nothing
    keeps_empty: bool = True
    glob: str = ""
    features: Mapping[str, Any] = field(default_factory=dict)


def image_bytes(cell: Mapping[str, Any]) -> bytes:
    """The PNG in a cell of an image column."""
    body: bytes = cell["bytes"]
    return body
