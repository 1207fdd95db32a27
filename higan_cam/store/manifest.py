"""Exactly once: a shard counts when its manifest entry exists and the object has the size and digest named there.

A commit writes the body first and the small manifest entry second, both exclusively; the entry decides. So a crash
leaves either nothing, or a complete object without an entry, or a committed shard. Two attempts whose bytes differ
(another kind of device) never overwrite each other: the object that was there first is the one that gets the entry, and
the difference is returned and logged.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.errors import StoreError
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import SHARD_STAGES, manifest_key, manifest_prefix, parse_manifest_key, quarantine_key
from higan_cam.store.manifest_index import entry_bodies, entry_keys
from higan_cam.store.store import Store
from higan_cam.types import ShardRecord

_ROUNDS = 8
_LONGER_S = 0.05
_JITTER = random.SystemRandom()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A manifest object: what is committed, and for which configuration.

    Attributes:
        record: the shard.
        config_hash: of the run it belongs to.
        extra: whatever else the committer wrote down (JSON-compatible).
    """

    record: ShardRecord
    config_hash: str
    extra: Mapping[str, Any]


@dataclass(frozen=True)
class Commit:
    """The result of one attempt to commit.

    Attributes:
        record: the committed shard, by whichever attempt was first.
        differing: sha256 of this attempt's bytes where they are not the committed ones, else None.
    """

    record: ShardRecord
    differing: str | None = None


def commit_shard(
    store: Store,
    *,
    stage: str,
    shard: int,
    path: str,
    body: bytes,
    rows: int,
    config_hash: str,
    extra: Mapping[str, Any] | None = None,
) -> Commit:
    """Publish a shard: the Parquet `body` under `path` (in the stage's folder), then its manifest entry.

    Safe to repeat and to race.

    What was there first wins as long as it is whole: a committed object that still has its digest, or the object of an
    attempt that died before its entry (complete Parquet of as many rows; it gets the entry). A damaged object is
    replaced by `body`, and its entry with it.

    Raises:
        StoreError: when the store fails, or the shard keeps changing under several writers.
    """
    if not path.startswith(f"{stage}/"):
        raise ValueError(f"a {stage} shard lies in {stage}/, got {path!r}")
    ours = Entry(ShardRecord(stage, shard, path, rows, len(body), digest(body)), config_hash, dict(extra or {}))
    for turn in range(_ROUNDS):
        committed = _settle(store, ours, body)
        if committed is not None:
            return _compared(committed.record, ours.record)
        time.sleep(_JITTER.uniform(0, _LONGER_S * turn))  # so that several repairers do not stay in step
    raise StoreError(
        f"{store.uri}: {path} kept changing during {_ROUNDS} tries to commit it; is another run writing there?"
    )


def committed(store: Store, stage: str, config_hash: str, *, verify: bool = False) -> dict[int, ShardRecord]:
    """The shards of a stage that are done: {shard: record}. What is missing here must be made (again).

    Entries of another configuration, unreadable entries, and entries whose object is missing or has another size (with
    `verify`, another digest: reads everything) are left out and logged.
    """
    entries = read_manifest(store, stage)
    sizes = store.sizes(f"{stage}/") if entries else {}
    done: dict[int, ShardRecord] = {}
    for shard, entry in entries.items():
        problem = _problem(store, entry, sizes, config_hash, verify=verify)
        if problem is None:
            done[shard] = entry.record  # type: ignore[union-attr]
        else:
            _log.warning("%s: %s is not committed: %s", store.uri, manifest_key(stage, shard), problem)
    return done


def read_manifest(store: Store, stage: str) -> dict[int, Entry | None]:
    """{shard: entry} of a stage, by shard; None where an entry cannot be read."""
    keys = entry_keys(store, stage)
    bodies = entry_bodies(store, stage, keys)
    return {shard: _decode(bodies[key], stage, shard) for key, shard in sorted(keys.items()) if key in bodies}


def quarantine_shard(store: Store, stage: str, shard: int, details: Mapping[str, Any]) -> None:
    """Write down why a unit was given up (attempts, traceback). A later commit of the same shard supersedes it."""
    store.put(quarantine_key(stage, shard), canonical_json(details))


def quarantined(store: Store, stage: str) -> dict[int, dict[str, Any]]:
    """{shard: details} of the given-up units of a stage that have not been committed since."""
    keys, made = _notes(store, stage)
    bodies = store.find_many(key for key, shard in keys.items() if shard not in made)
    return {keys[key]: json.loads(body) for key, body in sorted(bodies.items())}


def clear_quarantined(store: Store, stage: str) -> None:
    """Remove what was written down about units that have been committed since, so that a finished run has no traces."""
    keys, made = _notes(store, stage)
    for key, shard in keys.items():
        if shard in made:
            store.remove(key)


def _notes(store: Store, stage: str) -> tuple[dict[str, int], set[int]]:
    """{key: shard} of a stage's quarantine notes, and the shards that have an entry."""
    named = {key: parse_manifest_key(key) for key in store.list(manifest_prefix(stage, given_up=True))}
    keys = {key: name.shard for key, name in named.items() if name is not None}
    return keys, set(read_manifest(store, stage)) if keys else set()


def _settle(store: Store, ours: Entry, body: bytes) -> Entry | None:
    """One round: what is committed now, or None when the entry had to be repaired and must be looked at again."""
    record, key = ours.record, manifest_key(ours.record.stage, ours.record.shard)
    found = body if store.put_new(record.path, body) else store.find(record.path)
    if found is None:
        return None
    # What an attempt says besides (`extra`) holds for its own bytes only.
    there = (
        ours if found == body else Entry(replace(record, bytes=len(found), sha256=digest(found)), ours.config_hash, {})
    )
    entry = store.find(key) if found is not body else None
    if entry is None and (found == body or _parquet_rows(found) == record.rows):
        if store.put_new(key, _encode(there)):
            return there
        entry = store.find(key)
    decoded = _decode(entry, record.stage, record.shard) if entry is not None else None
    if decoded is not None and decoded.record == there.record and decoded.config_hash == ours.config_hash:
        return decoded
    # The object is not what any good entry says: replace both, then look again, since another writer may do the same.
    _log.warning("%s: %s is damaged or its manifest entry is stale; replacing it", store.uri, record.path)
    store.put(record.path, body)
    store.put(key, _encode(ours))
    return None


def _compared(committed: ShardRecord, ours: ShardRecord) -> Commit:
    if committed.sha256 == ours.sha256:
        return Commit(committed)
    _log.warning("%s: another attempt committed %s first, this one made %s", ours.path, committed.sha256, ours.sha256)
    return Commit(committed, differing=ours.sha256)


def _problem(
    store: Store, entry: Entry | None, sizes: Mapping[str, int], config_hash: str, *, verify: bool
) -> str | None:
    if entry is None:
        return "the entry cannot be read"
    record = entry.record
    size = sizes.get(record.path)
    if entry.config_hash != config_hash:
        return "it belongs to another configuration"
    if size is None:
        return f"{record.path} is missing"
    if size != record.bytes:
        return f"{record.path} has {size} bytes instead of {record.bytes}"
    if verify and digest(store.get(record.path)) != record.sha256:
        return f"{record.path} has another sha256"
    return None


def _encode(entry: Entry) -> bytes:
    extra = {"extra": dict(entry.extra)} if entry.extra else {}
    return canonical_json({**asdict(entry.record), "config_hash": entry.config_hash, **extra})


def _decode(body: bytes, stage: str, shard: int) -> Entry | None:
    """The entry, or None where it is not one of this shard."""
    try:
        values = json.loads(body)
        record = ShardRecord(**{name: values[name] for name in ShardRecord.__dataclass_fields__})
        entry = Entry(record, values["config_hash"], values.get("extra", {}))
    except (ValueError, KeyError, TypeError):
        return None
    return entry if (record.stage, record.shard) == (stage, shard) else None


def _parquet_rows(body: bytes) -> int | None:
    """Rows of a complete Parquet file, else None. The footer is written last, so a cut-off file has none."""
    try:
        return int(pq.ParquetFile(pa.BufferReader(body)).metadata.num_rows)
    except (pa.ArrowException, OSError):
        return None


def quarantine_lines(store: Store) -> list[str]:
    """One line per quarantined unit, naming it and its last error."""
    return [
        f"{stage} shard {shard} failed {details.get('attempts')} times: {last_line(details)}"
        for stage in SHARD_STAGES
        for shard, details in quarantined(store, stage).items()
    ]


def last_line(details: Mapping[str, Any]) -> str:
    """The last line of a quarantined unit's traceback, which says what happened; "" without one."""
    return "".join(str(details.get("traceback", "")).strip().splitlines()[-1:])
