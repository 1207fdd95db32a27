"""What a restart takes for done of the shards that are there.

A shard is written before its manifest entry. So one that has the size of its entry, and that its place has not written
again since it wrote the entry, is taken for the one that was committed: two listings say so, and nothing is read.
Others are read once, to know that their bytes are those committed. What happens to bytes without a later write, on a
disk or while a run is copied (copies write shards first, too), is found by `higan-cam verify`, which reads everything.
Score shards are read once: what the fit needs of them is kept (`since`), and read instead at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from higan_cam.store.canonical import digest
from higan_cam.store.keys import manifest_key, manifest_prefix
from higan_cam.store.store import Store
from higan_cam.types import ShardRecord

T = TypeVar("T")
READERS = 4
"""Shards read at a time: enough for an object store's latency, and never more of them in memory."""
log = logging.getLogger(__name__)


def untouched(
    store: Store, stage: str, records: Mapping[int, ShardRecord], since: str | None = None
) -> dict[int, ShardRecord]:
    """Those of the committed shards that their place has not written since it wrote their entries.

    Args:
        since: key of an object that was made from them: entries are older than that, by a tick of the place's clock.
    """
    if not records:
        return {}
    bodies, entries = store.written(f"{stage}/"), store.written(manifest_prefix(stage))
    if since is not None:
        latest = store.written(since).get(since, -1)
        entries = {key: when for key, when in entries.items() if when < latest}
    times = {shard: (bodies.get(each.path), entries.get(manifest_key(stage, shard))) for shard, each in records.items()}
    return {
        shard: records[shard]
        for shard, (body, entry) in times.items()
        if body is not None and entry is not None and body <= entry
    }


def read_whole(
    store: Store, records: Mapping[int, ShardRecord], use: Callable[[bytes], T]
) -> Iterator[tuple[ShardRecord, T]]:
    """(record, `use(body)`) of the shards whose bytes have the committed sha256, by shard; others are logged.

    `use` runs in threads.
    """

    def read(record: ShardRecord) -> tuple[bool, T | None]:
        body = store.get(record.path)
        whole = digest(body) == record.sha256
        return whole, use(body) if whole else None

    ordered = [records[shard] for shard in sorted(records)]
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(ordered), READERS):
            some = ordered[start : start + READERS]
            for record, (whole, value) in zip(some, pool.map(read, some), strict=True):
                if whole:
                    yield record, value  # type: ignore[misc]
                else:
                    log.warning("%s: %s has another sha256 and is made again", store.uri, record.path)
