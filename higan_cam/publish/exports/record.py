"""What an export has written so far: a claim on the target, and one entry per source shard, written after its objects.

Both lie in `.higan-cam/`, which no loader looks into: `datasets` skips hidden folders, the others are told where to
look. An entry counts when it was made from the same source shard and every object it names has its size.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from higan_cam.config import differing_fields
from higan_cam.errors import RunMismatchError, StoreError
from higan_cam.store.canonical import canonical_json
from higan_cam.store.store import Store

FOLDER = ".higan-cam/"
CLAIM_KEY = f"{FOLDER}export.json"


@dataclass(frozen=True)
class ExportedShard:
    """One source shard in the target: its entry in the export's record.

    Attributes:
        shard: its number in the run.
        source_sha256: digest of its bytes.
        split: train, validation or test.
        samples: samples written.
        empty: samples left out because they have no mask.
        unselected: samples with a mask that the selection leaves out.
        objects: {key: bytes} of the objects written.
        part: what the format needs again at the end (JSON-compatible).
    """

    shard: int
    source_sha256: str
    split: str
    samples: int
    empty: int
    unselected: int
    objects: Mapping[str, int]
    part: Mapping[str, Any]


def claim(target: Store, ours: Mapping[str, Any]) -> None:
    """Take an empty target for this export, or go on with the same export.

    Raises:
        StoreError: the target holds something that is not an export. Nothing is written then.
        RunMismatchError: it holds another export; names the fields that differ.
    """
    body = target.find(CLAIM_KEY)
    if body is None:
        strangers = target.glimpse()
        if strangers and not target.exists(CLAIM_KEY):
            raise StoreError(
                f"{target.uri}: not empty and not an export (there is {strangers}); choose another target or empty "
                "this one"
            )
        if target.put_new(CLAIM_KEY, canonical_json(ours)):
            return
        body = target.get(CLAIM_KEY)
    try:
        there = json.loads(body)
    except ValueError as error:
        raise StoreError(
            f"{target.uri}/{CLAIM_KEY}: not valid JSON; choose another target or empty this one"
        ) from error
    lines = differing_fields(there, json.loads(canonical_json(ours)))
    if lines:
        listed = "\n  ".join(lines)
        raise RunMismatchError(f"{target.uri} holds another export:\n  {listed}\nChoose another target.")


class ExportRecord:
    """The exported shards of a claimed target. Reads one at a time, however many there are."""

    def __init__(self, target: Store) -> None:
        self._target = target
        self._there = set(target.list(f"{FOLDER}shard-"))
        # Shards come in order and share few folders: a folder is listed once, not once per shard.
        self._sizes = lru_cache(maxsize=4)(lambda folder: target.sizes(f"{folder}/" if folder else ""))

    def done(self, shard: int, source_sha256: str) -> ExportedShard | None:
        """The entry of a shard whose objects are all there, or None where it must be made (again).

        Raises:
            RunMismatchError: it was made from other bytes of the same configuration; two copies must not be mixed.
        """
        if _key(shard) not in self._there:
            return None
        exported = self.read(shard)
        if exported is None:
            return None
        if exported.source_sha256 != source_sha256:
            raise RunMismatchError(
                f"{self._target.uri} was exported from another copy of this run: shard {shard} there had the sha256 "
                f"{exported.source_sha256}, here it has {source_sha256}. Choose another target."
            )
        return exported if all(self._size(key) == size for key, size in exported.objects.items()) else None

    def read(self, shard: int) -> ExportedShard | None:
        """An entry as it is written; None where it is missing or not one."""
        body = self._target.find(_key(shard))
        try:
            return ExportedShard(**json.loads(body)) if body is not None else None
        except (ValueError, TypeError):
            return None

    def read_all(self, shards: Iterable[int]) -> Iterable[ExportedShard]:
        """The entries of finished shards, one at a time."""
        return (exported for shard in shards if (exported := self.read(shard)) is not None)

    def write(self, exported: ExportedShard) -> None:
        """Record a shard, once all of its objects are written."""
        self._target.put(_key(exported.shard), canonical_json(asdict(exported)))

    def _size(self, key: str) -> int | None:
        sizes: Mapping[str, int] = self._sizes(key.rpartition("/")[0])
        return sizes.get(key)


def _key(shard: int) -> str:
    return f"{FOLDER}shard-{shard:05d}.json"
