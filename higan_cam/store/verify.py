"""Re-hash a run: is everything there that the manifest names, and the student, unchanged, and nothing else?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from higan_cam.errors import StoreError
from higan_cam.store.canonical import digest
from higan_cam.store.keys import RUN_KEY, SHARD_STAGES, STUDENT_KEY, manifest_key
from higan_cam.store.manifest import Entry, read_manifest
from higan_cam.store.restart import READERS
from higan_cam.store.run import read_run, recorded_student
from higan_cam.store.store import Store
from higan_cam.types import ShardRecord

Digests = Callable[[Store, Sequence[str]], Iterable[str | None]]
"""sha256 of each object, in order; None of one that is not there."""


@dataclass(frozen=True)
class Problem:
    """One disagreement between the manifest and the objects.

    Attributes:
        kind: missing (named, not there), differing (other bytes), extra (there, not named), invalid (the entry itself).
        key: the object.
        detail: what was found and what was expected.
    """

    kind: Literal["missing", "differing", "extra", "invalid"]
    key: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.key} ({self.detail})"


def digests_here(store: Store, keys: Sequence[str]) -> Iterator[str | None]:
    """By this process, `READERS` at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(keys), READERS):
            yield from pool.map(lambda key: digest_of(store, key), keys[start : start + READERS])


def digest_of(store: Store, key: str) -> str | None:
    """sha256 of an object; None where it is not there."""
    body = store.find(key)
    return None if body is None else digest(body)


def verify_run(store: Store, digests: Digests = digests_here) -> list[Problem]:
    """Every problem of a run, by key; empty when all is well. Reads every shard once.

    Args:
        digests: who reads and hashes the shards.

    Raises:
        StoreError: when there is no run, or it cannot be read, here or where it is hashed.
    """
    config_hash = str(read_run(store).get("config_hash"))
    problems, unread = list[Problem](), list[ShardRecord]()
    for stage in SHARD_STAGES:
        for found in _listed(store, stage, config_hash):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                unread.append(found)
    hashes = digests(store, [record.path for record in unread])
    for record, sha256 in zip(unread, hashes, strict=True):
        if sha256 is None:
            if store.exists(record.path):
                raise StoreError(
                    f"{store.uri}/{record.path} is there, but whoever hashes does not see it: with --address every "
                    "node of the cluster must see the output; mount the folder there, or verify without"
                )
            problems.append(_missing(record))
        elif sha256 != record.sha256:
            problems.append(Problem("differing", record.path, f"sha256 {sha256}, expected {record.sha256}"))
    problems += _student_problems(store)
    return sorted(problems, key=lambda problem: problem.key)


def _listed(store: Store, stage: str, config_hash: str) -> Iterator[Problem | ShardRecord]:
    """What entries and listing say without a shard being read, and the records that are still to be hashed."""
    entries = read_manifest(store, stage)
    sizes = store.sizes(f"{stage}/")
    for shard, entry in entries.items():
        key = manifest_key(stage, shard)
        if entry is None:
            yield Problem("invalid", key, "the entry cannot be read")
        elif entry.config_hash != config_hash:
            yield Problem("invalid", key, "the entry belongs to another configuration")
        else:
            yield _of_its_size(entry, sizes) or entry.record
    named = {entry.record.path for entry in entries.values() if entry is not None}
    for path in sorted(set(sizes) - named):
        yield Problem("extra", path, "no manifest entry names it")


def _student_problems(store: Store) -> Iterator[Problem]:
    wanted, body = recorded_student(store), store.find(STUDENT_KEY)
    if wanted is not None and body is None:
        yield Problem("missing", STUDENT_KEY, f"{RUN_KEY} names sha256 {wanted}")
    elif wanted is not None and body is not None and digest(body) != wanted:
        yield Problem("differing", STUDENT_KEY, f"sha256 {digest(body)}, expected {wanted}")


def _of_its_size(entry: Entry, sizes: Mapping[str, int]) -> Problem | None:
    record, size = entry.record, sizes.get(entry.record.path)
    if size is None:
        return _missing(record)
    return None if size == record.bytes else Problem("differing", record.path, f"{size} bytes, expected {record.bytes}")


def _missing(record: ShardRecord) -> Problem:
    return Problem("missing", record.path, f"expected {record.bytes} bytes")
