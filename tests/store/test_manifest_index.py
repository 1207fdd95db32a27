"""An index saves requests and never decides."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from higan_cam.publish.scores import encode_scores
from higan_cam.store import Store, open_store
from higan_cam.store import manifest_index as module
from higan_cam.store.keys import index_key, manifest_key, scores_path
from higan_cam.store.manifest import commit_shard, committed, read_manifest
from higan_cam.store.manifest_index import entry_bodies, entry_keys, index_manifest
from tests.support.samples import HASH

COUNT = 6


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Six committed shards, as if that were many."""
    monkeypatch.setattr(module, "WORTH_IT", COUNT)
    monkeypatch.setattr(module, "TICK_S", 0.02)  # of a file system, not of an object store
    store = open_store(str(tmp_path))
    for shard in range(COUNT):
        body = encode_scores(np.arange(2), np.full(2, shard, np.float32))
        path = scores_path(shard)
        commit_shard(store, stage="scores", shard=shard, path=path, body=body, rows=2, config_hash=HASH)
    time.sleep(0.02)  # the clock of some file systems ticks that slowly
    return store


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Entries that were read one by one."""
    keys, find_many = list[str](), Store.find_many

    def noted(self: Store, some: object) -> dict[str, bytes]:
        wanted = list(some)  # type: ignore[call-overload]
        keys.extend(wanted)
        return find_many(self, wanted)

    monkeypatch.setattr(Store, "find_many", noted)
    return keys


def test_with_an_index_no_entry_is_read_by_itself_and_all_are_the_same(store: Store, asked: list[str]) -> None:
    before = read_manifest(store, "scores")
    assert len(asked) == COUNT
    assert index_manifest(store, "scores")
    asked.clear()
    assert read_manifest(store, "scores") == before
    assert len(committed(store, "scores", HASH)) == COUNT
    assert asked == []


def test_entries_that_were_written_after_the_index_are_read(store: Store, asked: list[str], tmp_path: Path) -> None:
    index_manifest(store, "scores")
    later = time.time() + 5
    key = manifest_key("scores", 2)
    (tmp_path / key).write_bytes(b"no entry")
    os.utime(tmp_path / key, (later, later))
    asked.clear()
    assert read_manifest(store, "scores")[2] is None
    assert asked == [key]


def test_an_entry_that_is_gone_is_not_in_the_index_either(store: Store, tmp_path: Path) -> None:
    index_manifest(store, "scores")
    (tmp_path / manifest_key("scores", 2)).unlink()
    assert set(entry_bodies(store, "scores", entry_keys(store, "scores"))) == {
        manifest_key("scores", shard) for shard in range(COUNT) if shard != 2
    }


def test_an_entry_that_is_mended_while_the_index_is_written_is_never_hidden_by_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer replaces it after it was read, and before the index is there."""
    key, put = manifest_key("scores", 2), Store.put

    def mended_before(self: Store, name: str, body: bytes) -> None:
        put(self, key, b"mended")
        put(self, name, body)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", mended_before)
        assert index_manifest(store, "scores")
    assert entry_bodies(store, "scores", entry_keys(store, "scores"))[key] == b"mended"


def test_an_entry_that_is_replaced_by_an_older_file_is_read(store: Store, tmp_path: Path) -> None:
    index_manifest(store, "scores")
    path = tmp_path / manifest_key("scores", 2)
    path.write_bytes(b"older")
    os.utime(path, (1, 1))
    assert entry_bodies(store, "scores", entry_keys(store, "scores"))[manifest_key("scores", 2)] == b"older"


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2]", b"null", b'["a", "b", "c"]'])
def test_an_index_that_cannot_be_read_costs_requests_only(body: bytes, store: Store, asked: list[str]) -> None:
    store.put(index_key("scores"), body)
    assert len(read_manifest(store, "scores")) == COUNT
    assert len(asked) == COUNT


def test_few_shards_get_none_and_a_good_one_is_left_as_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert index_manifest(store, "scores")
    assert not index_manifest(store, "scores")
    monkeypatch.setattr(module, "WORTH_IT", COUNT + 1)
    store.remove(index_key("scores"))
    assert not index_manifest(store, "scores")
    assert not store.exists(index_key("scores"))
