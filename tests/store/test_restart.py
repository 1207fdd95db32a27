"""What a restart takes for done, on real files."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from higan_cam.store import Store, open_store
from higan_cam.store.canonical import digest
from higan_cam.store.keys import manifest_key
from higan_cam.store.restart import READERS, read_whole, untouched
from higan_cam.types import ShardRecord


def commit(store: Store, shard: int) -> ShardRecord:
    """A shard with its entry, as the engine writes them."""
    record = stored(store, shard)
    store.put(manifest_key("data", shard), b"{}")
    return record


def test_shards_that_nobody_has_written_since_their_entries_are_sure(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    records = {shard: commit(store, shard) for shard in range(4)}
    assert untouched(store, "data", records) == records
    later = time.time() + 1
    os.utime(tmp_path / "data/1", (later, later))  # whatever was done to it
    (tmp_path / manifest_key("data", 2)).unlink()
    (tmp_path / "data/3").unlink()
    assert set(untouched(store, "data", records)) == {0}


def test_nothing_is_asked_where_nothing_is_committed(tmp_path: Path) -> None:
    assert untouched(open_store(str(tmp_path / "not there")), "data", {}) == {}


def stored(store: Store, shard: int) -> ShardRecord:
    body = f"shard {shard}".encode()
    store.put(f"data/{shard}", body)
    return ShardRecord("data", shard, f"data/{shard}", 1, len(body), digest(body))


@pytest.mark.parametrize("count", [0, 1, READERS, 2 * READERS + 1])
def test_every_whole_shard_is_read_once_and_by_number(count: int, tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    records = {shard: stored(store, shard) for shard in reversed(range(count))}
    found = [(record.shard, body) for record, body in read_whole(store, records, bytes.decode)]
    assert found == [(shard, f"shard {shard}") for shard in range(count)]


def test_a_shard_with_other_bytes_of_the_same_size_is_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(str(tmp_path))
    records = {shard: stored(store, shard) for shard in range(3)}
    store.put("data/1", b"sharp 1")
    with caplog.at_level(logging.WARNING, "higan_cam"):
        assert [record.shard for record, _ in read_whole(store, records, len)] == [0, 2]
    assert "data/1 has another sha256" in caplog.text
