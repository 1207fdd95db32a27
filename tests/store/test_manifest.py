"""A shard is committed exactly once, whatever crashed before and whoever else writes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import StoreError
from higan_cam.publish.scores import encode_scores
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import manifest_key
from higan_cam.store.manifest import (
    Commit,
    clear_quarantined,
    commit_shard,
    committed,
    quarantine_shard,
    quarantined,
    read_manifest,
)
from higan_cam.store.store import Store, open_store

HASH = "c" * 64
PATH = "scores/part-00003.parquet"
KEY = "manifest/scores-00003.json"


def body_of(value: float, rows: int = 8) -> bytes:
    """A real score shard."""
    return encode_scores(np.arange(rows), np.full(rows, value, np.float32))


def commit(store: Store, body: bytes, rows: int = 8, **options: Any) -> Commit:
    values = {"stage": "scores", "shard": 3, "path": PATH, "config_hash": HASH, **options}
    return commit_shard(store, body=body, rows=rows, **values)


def assert_consistent(store: Store, body: bytes) -> None:
    """The object, its entry and a full verification agree."""
    assert store.get(PATH) == body
    assert committed(store, "scores", HASH, verify=True)[3].sha256 == digest(body)


def test_entry_describes_the_object(store: Store) -> None:
    result = commit(store, body_of(1), extra={"empty": 2})
    assert result.differing is None
    assert (result.record.rows, result.record.bytes, result.record.path) == (8, len(body_of(1)), PATH)
    entry = read_manifest(store, "scores")[3]
    assert entry is not None
    assert entry.extra == {"empty": 2}
    assert_consistent(store, body_of(1))


def test_entries_are_the_same_bytes_in_every_run() -> None:
    stores = [open_store(f"memory://{uuid.uuid4()}") for _ in range(2)]
    for store in stores:
        commit(store, body_of(1), extra={"b": 1, "a": 2})
    first, second = (store.get(KEY) for store in stores)
    assert first == second


def test_repeated_commit_changes_nothing(store: Store) -> None:
    first = commit(store, body_of(1))
    entry = store.get(KEY)
    assert commit(store, body_of(1)) == first
    assert store.get(KEY) == entry


def test_crash_before_the_entry_is_finished_by_the_next_attempt(store: Store) -> None:
    store.put_new(PATH, body_of(1))
    assert committed(store, "scores", HASH) == {}
    assert commit(store, body_of(1)).differing is None
    assert_consistent(store, body_of(1))


def test_whole_orphan_with_other_bytes_wins_and_the_difference_is_told(store: Store) -> None:
    store.put_new(PATH, body_of(1))
    result = commit(store, body_of(2), extra={"of": "the second"})
    assert result.record.sha256 == digest(body_of(1))
    assert result.differing == digest(body_of(2))
    assert_consistent(store, body_of(1))
    assert b"the second" not in store.get(KEY)


@pytest.mark.parametrize("orphan", [body_of(1)[:-9], b"", body_of(1, rows=5)], ids=["cut off", "empty", "other rows"])
def test_broken_orphan_is_replaced(store: Store, orphan: bytes) -> None:
    store.put_new(PATH, orphan)
    assert commit(store, body_of(2)).differing is None
    assert_consistent(store, body_of(2))


def test_first_committed_shard_is_never_overwritten(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    commit(store, body_of(1))
    entry = store.get(KEY)
    result = commit(store, body_of(2))
    assert result.record.sha256 == digest(body_of(1))
    assert result.differing == digest(body_of(2))
    assert digest(body_of(2)) in caplog.text
    assert store.get(KEY) == entry
    assert_consistent(store, body_of(1))


@pytest.mark.parametrize("remake", [1, 2], ids=["same bytes", "other bytes"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
def test_damaged_object_is_reported_and_made_again(tmp_path: Path, damage: str, remake: float) -> None:
    store, body = open_store(tmp_path), body_of(1)
    commit(store, body)
    if damage == "missing":
        (tmp_path / PATH).unlink()
    else:
        store.put(PATH, body[:-1] if damage == "truncated" else body[:-1] + b"!")
    assert committed(store, "scores", HASH, verify=damage == "flipped") == {}
    commit(store, body_of(remake))
    assert_consistent(store, body_of(remake))


@pytest.mark.parametrize("entry", [b"{", b"[]", b'{"stage":"data"}', canonical_json({"x": 1})])
def test_unreadable_entry_is_not_committed_and_gets_replaced(store: Store, entry: bytes) -> None:
    commit(store, body_of(1))
    store.put(KEY, entry)
    assert committed(store, "scores", HASH) == {}
    commit(store, body_of(1))
    assert_consistent(store, body_of(1))


def test_entry_of_another_shard_or_configuration_does_not_count(store: Store) -> None:
    commit(store, body_of(1))
    store.put(manifest_key("scores", 4), store.get(KEY))
    assert [*committed(store, "scores", HASH)] == [3]
    assert committed(store, "scores", "d" * 64) == {}
    assert committed(store, "data", HASH) == {}


def test_paths_outside_the_stage_folder_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="lies in scores/"):
        commit(store, b"", path="data/x.parquet")


def test_shard_numbers_may_outgrow_five_digits(store: Store) -> None:
    commit(store, body_of(1), shard=123_456, path="scores/part-123456.parquet")
    assert [*committed(store, "scores", HASH)] == [123_456]


def test_quarantined_units_are_listed_until_they_are_committed(store: Store) -> None:
    quarantine_shard(store, "scores", 3, {"tries": 3, "traceback": "ValueError: x"})
    quarantine_shard(store, "scores", 5, {"tries": 3})
    assert quarantined(store, "scores")[3]["traceback"] == "ValueError: x"
    assert committed(store, "scores", HASH) == {}
    commit(store, body_of(1))
    assert [*quarantined(store, "scores")] == [5]
    assert quarantined(store, "data") == {}


def test_notes_about_units_that_were_made_since_are_removed(store: Store) -> None:
    for shard in (3, 5):
        quarantine_shard(store, "scores", shard, {"attempts": 3})
    quarantine_shard(store, "data", 3, {"attempts": 3})
    commit(store, body_of(1))
    clear_quarantined(store, "scores")
    notes = [key for key in store.list("manifest/") if "quarantined" in key]
    assert notes == ["manifest/quarantined-data-00003.json", "manifest/quarantined-scores-00005.json"]


class _Interleaved(Store):
    """A store on which another attempt runs to its end just before the n-th operation of this one."""

    def __init__(self, inner: Store, before: int, other: Callable[[], object]) -> None:
        super().__init__(inner.uri, inner.root, inner.backend)
        object.__setattr__(self, "steps", [before, other])

    def _step(self) -> None:
        steps: list[Any] = self.steps  # type: ignore[attr-defined]
        steps[0] -= 1
        if steps[0] == 0:
            steps[1]()

    def put_new(self, key: str, body: bytes) -> bool:
        self._step()
        return super().put_new(key, body)

    def put(self, key: str, body: bytes) -> None:
        self._step()
        super().put(key, body)

    def find(self, key: str) -> bytes | None:
        self._step()
        return super().find(key)


@given(
    before=st.integers(1, 8),
    ours=st.integers(1, 2),
    start=st.sampled_from(["nothing", "orphan", "junk", "committed", "lost object", "junk entry"]),
)
def test_any_interleaving_of_two_attempts_ends_consistent(before: int, ours: int, start: str) -> None:
    store = open_store(f"memory://{uuid.uuid4()}")
    if start in ("committed", "lost object", "junk entry"):
        commit(store, body_of(3))
    if start == "lost object":
        store.backend.filesystem.rm(f"{store.root}/{PATH}")  # type: ignore[attr-defined]
    elif start == "junk entry":
        store.put(KEY, b"{")
    elif start in ("orphan", "junk"):
        store.put(PATH, body_of(3) if start == "orphan" else b"PAR1")
    result = commit(_Interleaved(store, before, lambda: commit(store, body_of(1))), body_of(ours))
    assert_consistent(store, store.get(PATH))
    assert result.record.sha256 == digest(store.get(PATH))


def test_many_threads_commit_one_shard(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        results = [*pool.map(lambda value: commit(store, body_of(value)), range(8))]
    assert len({result.record.sha256 for result in results}) == 1
    assert sum(result.differing is None for result in results) == 1
    assert_consistent(store, store.get(PATH))


def test_shard_that_keeps_changing_is_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(store, body_of(1))
    monkeypatch.setattr(Store, "put", lambda *_: None)
    store.backend.replace(store._path(PATH), b"junk")
    with pytest.raises(StoreError, match="kept changing"):
        commit(store, body_of(1))
