"""All entries of a stage in one object, so that whoever reads a manifest of many shards asks once and not for each.

The entries themselves stay and decide. The index has each with the time at which its place wrote it, and stands for
those that still have that time; any other is read. So an index that is old, lost or unreadable costs requests, never a
shard. It lies in stats/, since its times are no part of what a run is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping

from higan_cam.store.keys import index_key, manifest_prefix, parse_manifest_key
from higan_cam.store.store import Store

WORTH_IT = 1000
"""Entries from which on a stage gets an index."""
STALE = 0.1
"""Share of entries beside the index from which on it is written again."""
TICK_S = 1.1
"""Object stores tell whole seconds: what is written so long after a listing has another time than it lists."""


def entry_keys(store: Store, stage: str) -> dict[str, int]:
    """{key: shard} of the entries of a stage."""
    named = {key: parse_manifest_key(key) for key in store.list(manifest_prefix(stage))}
    return {key: name.shard for key, name in named.items() if name is not None and not name.given_up}


def entry_bodies(store: Store, stage: str, keys: Mapping[str, int]) -> dict[str, bytes]:
    """{key: body} of those of the entries that are there."""
    known = _indexed(store, stage, keys)
    return known | store.find_many(key for key in keys if key not in known)


def index_manifest(store: Store, stage: str) -> bool:
    """Write the index of a stage where that is worth it; whether it was."""
    keys = entry_keys(store, stage)
    if len(keys) < WORTH_IT or len(keys) - len(_indexed(store, stage, keys)) <= STALE * len(keys):
        return False
    times = store.written(manifest_prefix(stage))
    time.sleep(TICK_S)  # whatever is written from now on gets another time, and whatever was before is read
    bodies = store.find_many(keys)
    lines = [json.dumps([key, times[key], bodies[key].decode()]) for key in sorted(bodies) if key in times]
    store.put(index_key(stage), ("\n".join(lines) + "\n").encode())
    return True


def _indexed(store: Store, stage: str, keys: Mapping[str, int]) -> dict[str, bytes]:
    """The entries that the index stands for."""
    body = store.find(index_key(stage)) if len(keys) >= WORTH_IT else None
    if body is None:
        return {}
    times = store.written(manifest_prefix(stage))
    return {key: text for key, when, text in _lines(body) if key in keys and times.get(key) == when}


def _lines(body: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(key, time, entry) of every line that is one."""
    for line in body.splitlines():
        try:
            key, when, text = json.loads(line)
            yield str(key), int(when), str(text).encode()
        except (ValueError, TypeError):
            continue
