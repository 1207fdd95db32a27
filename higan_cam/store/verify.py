"""Re-hash a run: is everything there that the manifest names, and the student, unchanged, and nothing else?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from higan_cam.store.canonical import digest
from higan_cam.store.keys import RUN_KEY, SHARD_STAGES, STUDENT_KEY, manifest_key
from higan_cam.store.manifest import Entry, read_manifest
from higan_cam.store.run import read_run, recorded_student
from higan_cam.store.store import Store


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


def verify_run(store: Store) -> list[Problem]:
    """Every problem of a run, by key; empty when all is well. Reads every shard once, one at a time.

    Raises:
        StoreError: when there is no run, or it cannot be read.
    """
    config_hash = str(read_run(store).get("config_hash"))
    problems: list[Problem] = []
    for stage in SHARD_STAGES:
        problems += _stage_problems(store, stage, config_hash)
    problems += _student_problems(store)
    return sorted(problems, key=lambda problem: problem.key)


def _stage_problems(store: Store, stage: str, config_hash: str) -> Iterator[Problem]:
    entries = read_manifest(store, stage)
    sizes = store.sizes(f"{stage}/")
    for shard, entry in entries.items():
        key = manifest_key(stage, shard)
        if entry is None:
            yield Problem("invalid", key, "the entry cannot be read")
        elif entry.config_hash != config_hash:
            yield Problem("invalid", key, "the entry belongs to another configuration")
        else:
            yield from _object_problems(store, entry, sizes)
    named = {entry.record.path for entry in entries.values() if entry is not None}
    for path in sorted(set(sizes) - named):
        yield Problem("extra", path, "no manifest entry names it")


def _student_problems(store: Store) -> Iterator[Problem]:
    wanted, body = recorded_student(store), store.find(STUDENT_KEY)
    if wanted is not None and body is None:
        yield Problem("missing", STUDENT_KEY, f"{RUN_KEY} names sha256 {wanted}")
    elif wanted is not None and body is not None and digest(body) != wanted:
        yield Problem("differing", STUDENT_KEY, f"sha256 {digest(body)}, expected {wanted}")


def _object_problems(store: Store, entry: Entry, sizes: Mapping[str, int]) -> Iterator[Problem]:
    record = entry.record
    size = sizes.get(record.path)
    if size is None:
        yield Problem("missing", record.path, f"expected {record.bytes} bytes")
    elif size != record.bytes:
        yield Problem("differing", record.path, f"{size} bytes, expected {record.bytes}")
    elif (found := digest(store.get(record.path))) != record.sha256:
        yield Problem("differing", record.path, f"sha256 {found}, expected {record.sha256}")
