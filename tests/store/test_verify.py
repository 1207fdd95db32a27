"""Verification finds every way in which objects and manifest can disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import StoreError
from higan_cam.publish.scores import encode_scores
from higan_cam.store.canonical import digest
from higan_cam.store.keys import STUDENT_KEY, scores_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run, record_student
from higan_cam.store.store import Store
from higan_cam.store.verify import digest_of, verify_run


@pytest.fixture
def finished(store: Store) -> Store:
    """A run with three score shards."""
    config = RunConfig()
    begin_run(store, config)
    for shard in range(3):
        body = encode_scores(np.arange(4) + 4 * shard, np.full(4, shard, np.float32))
        commit_shard(
            store,
            stage="scores",
            shard=shard,
            path=scores_path(shard),
            body=body,
            rows=4,
            config_hash=config_hash(config),
        )
    return store


def found(store: Store) -> list[tuple[str, str]]:
    return [(problem.kind, problem.key) for problem in verify_run(store)]


def test_finished_run_has_no_problems(finished: Store) -> None:
    finished.put("stats/scores-00000.json", b"{}")
    finished.put("report/index.html", b"")
    assert verify_run(finished) == []


def test_flipped_and_cut_off_objects_differ(finished: Store) -> None:
    body = finished.get(scores_path(0))
    finished.put(scores_path(0), body[:-1] + b"?")
    finished.put(scores_path(1), body[:-1])
    assert found(finished) == [("differing", scores_path(0)), ("differing", scores_path(1))]
    assert "sha256" in str(verify_run(finished)[0])


def test_object_without_entry_is_extra(finished: Store) -> None:
    finished.put("data/train-00000-of-00001.parquet", b"x")
    assert found(finished) == [("extra", "data/train-00000-of-00001.parquet")]


def test_lost_object_is_missing(finished: Store) -> None:
    entry = finished.get("manifest/scores-00002.json").replace(b"part-00002", b"part-00009")
    finished.put("manifest/scores-00002.json", entry)
    assert found(finished) == [("extra", scores_path(2)), ("missing", scores_path(9))]


def test_bad_entries_are_invalid(finished: Store) -> None:
    finished.put("manifest/scores-00000.json", b"{")
    entry = finished.get("manifest/scores-00001.json")
    finished.put("manifest/scores-00001.json", entry.replace(config_hash(RunConfig()).encode(), b"0" * 64))
    assert found(finished) == [
        ("invalid", "manifest/scores-00000.json"),
        ("invalid", "manifest/scores-00001.json"),
        ("extra", scores_path(0)),
    ]


def test_an_object_that_goes_while_others_are_hashed_is_missing(
    finished: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Store.find
    monkeypatch.setattr(Store, "find", lambda store, key: None if key == scores_path(1) else real(store, key))
    monkeypatch.setattr(Store, "exists", lambda *_: False)
    assert found(finished) == [("missing", scores_path(1))]


def test_an_object_that_only_a_node_does_not_see_is_not_called_missing(finished: Store) -> None:
    def blind(store: Store, keys: Sequence[str]) -> Iterator[str | None]:
        return (None if key == scores_path(1) else digest_of(store, key) for key in keys)

    with pytest.raises(StoreError, match="node of the cluster must see the output"):
        verify_run(finished, blind)


def test_folder_without_run_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="not a run"):
        verify_run(store)


def test_a_student_is_held_against_the_digest_in_run_json(finished: Store) -> None:
    record_student(finished, digest(b"student"))
    assert found(finished) == [("missing", STUDENT_KEY)]
    finished.put(STUDENT_KEY, b"another")
    assert found(finished) == [("differing", STUDENT_KEY)]
    finished.put(STUDENT_KEY, b"student")
    assert found(finished) == []
