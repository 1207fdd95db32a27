"""What a restart reads of the shards that are there: each one once, to know that its bytes are those committed.

For score shards that is no extra cost, since the fit needs their scores; for dataset shards it is the price of the
promise that a run is never called finished on top of a damaged file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from higan_cam.store.canonical import digest
from higan_cam.store.store import Store
from higan_cam.types import ShardRecord

T = TypeVar("T")
READERS = 4
"""Shards read at a time: enough for an object store's latency, and never more of them in memory."""
log = logging.getLogger(__name__)


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
