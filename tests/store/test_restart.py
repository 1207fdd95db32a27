"""What a restart takes for done, on real files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from higan_cam.store import Store, open_store
from higan_cam.store.canonical import digest
from higan_cam.store.restart import READERS, read_whole
from higan_cam.types import ShardRecord


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
