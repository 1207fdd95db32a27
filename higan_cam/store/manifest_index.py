"""All entries of a stage in one object, so that whoever reads a manifest of many shards asks once and not for each.

The entries themselves stay and decide. The index stands for those that their place has not written since it wrote the
index; any other is read. So an index that is old, lost or unreadable costs requests, never a shard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import index_key, manifest_prefix, parse_manifest_key
from higan_cam.store.store import Store

WORTH_IT = 1000
"""Entries from which on a stage gets an index."""
STALE = 0.1
"""Share of entries beside the index from which on it is written again."""


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
    bodies = entry_bodies(store, stage, keys)
    store.put(index_key(stage), canonical_json({key: bodies[key].decode() for key in sorted(bodies)}))
    return True


def _indexed(store: Store, stage: str, keys: Mapping[str, int]) -> dict[str, bytes]:
    """The entries that the index stands for."""
    body = store.find(index_key(stage)) if len(keys) >= WORTH_IT else None
    if body is None:
        return {}
    times = store.written(manifest_prefix(stage))
    made = times.get(index_key(stage))
    try:
        entries = {str(key): str(text).encode() for key, text in json.loads(body).items()}
    except (ValueError, AttributeError):
        return {}
    # Strictly before: object stores tell whole seconds.
    return {
        key: text for key, text in entries.items() if key in keys and made is not None and times.get(key, made) < made
    }
