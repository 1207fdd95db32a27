"""All entries of a stage in one object, so that whoever reads a manifest of many shards asks once and not for each.

The entries themselves stay and decide. The index has each with the time at which its place wrote it, and stands for
those that still have that time; any other is read. So an index that is old, lost or unreadable costs requests, never a
shard. It lies in stats/, since its times are no part of what a run is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping

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
    return _entries(store.list(manifest_prefix(stage)))


def entry_bodies(store: Store, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
    """{key: body} of those of the entries that are there."""
    wanted = set(keys)
    known = _indexed(store, stage, store.written(manifest_prefix(stage))) if len(wanted) >= WORTH_IT else {}
    known = {key: body for key, body in known.items() if key in wanted}
    return known | store.find_many(sorted(wanted - known.keys()))


def index_manifest(store: Store, stage: str) -> bool:
    """Write the index of a stage where that is worth it; whether it was."""
    times = store.written(manifest_prefix(stage))
    keys = _entries(times)
    if len(keys) < WORTH_IT or len(keys) - len(_indexed(store, stage, times)) <= STALE * len(keys):
        return False
    time.sleep(TICK_S)  # whatever is written from now on gets another time, and whatever was before is read
    bodies = store.find_many(keys)
    lines = [json.dumps([key, times[key], bodies[key].decode()]) for key in sorted(bodies)]
    store.put(index_key(stage), ("\n".join(lines) + "\n").encode())
    return True


def _entries(keys: Iterable[str]) -> dict[str, int]:
    named = {key: parse_manifest_key(key) for key in keys}
    return {key: name.shard for key, name in named.items() if name is not None and not name.given_up}


def _indexed(store: Store, stage: str, times: Mapping[str, int]) -> dict[str, bytes]:
    """The entries that the index stands for, by when each was written."""
    body = store.find(index_key(stage))
    return {key: text for key, when, text in _lines(body or b"") if times.get(key) == when}


def _lines(body: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(key, time, entry) of every line that is one."""
    for line in body.splitlines():
        try:
            key, when, text = json.loads(line)
            yield str(key), int(when), str(text).encode()
        except (ValueError, TypeError):
            continue
