"""A start of the label stage where all score shards are there: no Ray is needed, and few of them are read."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.errors import LeaseLostError
from higan_cam.publish import encode_scores
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages import label
from higan_cam.runtime.stages.score_tally import Labels, ScoreTally
from higan_cam.store import Store, open_store
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import SCORES, TALLY_KEY, manifest_key, scores_path
from higan_cam.types import FloatArray, IntArray

COUNT, SIZE = 40, 8


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """Of five score shards, which are many here."""
    monkeypatch.setattr(label, "KEPT_EVERY", 5)
    sections = {"label": {"count": COUNT, "shard_size": SIZE}, "boundary": {"tails": 4}, "mask": {"count": 4}}
    return parse_config({"output": str(tmp_path), **sections})


@pytest.fixture
def store(config: RunConfig) -> Store:
    """All of them, committed."""
    store = open_store(config.output)
    for shard in range(COUNT // SIZE):
        commit(config, store, shard, shard)
    return store


def commit(config: RunConfig, store: Store, shard: int, seed: int) -> None:
    """As a worker does: shard, then entry."""
    body, path = encode_scores(*shard_of(shard, seed)), scores_path(shard)
    store.put(path, body)
    entry = {"stage": SCORES, "shard": shard, "path": path, "rows": SIZE, "bytes": len(body), "sha256": digest(body)}
    store.put(manifest_key(SCORES, shard), canonical_json({**entry, "config_hash": config_hash(config)}))


def shard_of(shard: int, seed: int) -> tuple[IntArray, FloatArray]:
    """Its indices, and random scores, the third of which is none."""
    scores = np.random.Generator(np.random.Philox(seed)).random(SIZE, np.float32)
    scores[2] = np.nan
    return np.arange(shard * SIZE, (shard + 1) * SIZE), scores


def labels_of(config: RunConfig, store: Store) -> Labels:
    return label.label_samples(config, store, Meters(Console(quiet=True), lambda: None, "run"), (0.0, 1.0))


def read_shards(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the score shards that are read from now on."""
    read, real = list[str](), Store.get

    def get(store: Store, key: str) -> bytes:
        read.append(key)
        return real(store, key)

    monkeypatch.setattr(Store, "get", get)
    return read


def same(ours: Labels, theirs: Labels) -> bool:
    """To the last bit."""
    names = ("indices", "scores")
    counts = [(each.extremes.seen, each.extremes.nans, each.extremes.first_nan) for each in (ours, theirs)]
    columns = [
        [getattr(part, name) for part in (each.extremes.highest, each.extremes.lowest, each) for name in names]
        + [each.counts, each.edges]
        for each in (ours, theirs)
    ]
    return counts[0] == counts[1] and all(map(partial(np.array_equal, equal_nan=True), *columns))


def test_a_second_start_reads_no_score_shard_and_finds_the_same_labels(
    config: RunConfig, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_shards(monkeypatch)
    first = labels_of(config, store)
    assert sorted(read) == [scores_path(shard) for shard in range(COUNT // SIZE)]
    read.clear()
    assert same(labels_of(config, store), first)
    assert read == []


def test_shards_that_came_since_are_read_alone(
    config: RunConfig, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels_of(config, store)
    more = config.model_copy(update={"label": config.label.model_copy(update={"count": COUNT + SIZE})})
    monkeypatch.setattr(label, "config_hash", lambda _: config_hash(config))
    monkeypatch.setattr("higan_cam.runtime.stages.score_tally.config_hash", lambda _: config_hash(config))
    commit(config, store, COUNT // SIZE, COUNT // SIZE)
    read = read_shards(monkeypatch)
    found = labels_of(more, store)
    assert read == [scores_path(COUNT // SIZE)]
    assert found.extremes.seen == COUNT + SIZE
    (Path(store.root) / TALLY_KEY).unlink()
    assert same(labels_of(more, store), found)


def test_a_shard_that_was_made_again_since_counts_with_its_new_scores(config: RunConfig, store: Store) -> None:
    first = labels_of(config, store)
    commit(config, store, 2, 99)
    later = time.time() + 2  # whatever the resolution of the disk's clock
    for key in (scores_path(2), manifest_key(SCORES, 2)):
        os.utime(Path(store.root) / key, (later, later))
    second = labels_of(config, store)
    assert second.extremes.seen == COUNT
    assert not same(first, second)
    (Path(store.root) / TALLY_KEY).unlink()
    assert same(labels_of(config, store), second)


@pytest.mark.parametrize("damage", [b"", b"\x00" * 64, b"{}", None])
def test_a_tally_that_is_damaged_or_of_another_run_is_as_none(
    config: RunConfig, store: Store, damage: bytes | None
) -> None:
    first = labels_of(config, store)
    other = config.model_copy(update={"seed": 7})
    body = damage if damage is not None else ScoreTally(other, (0.0, 1.0)).encode()
    store.put(TALLY_KEY, body)
    assert same(labels_of(config, store), first)


def test_a_killed_start_goes_on_from_what_it_kept_and_reads_only_what_came_after_that(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label, "KEPT_EVERY", 3)
    store = open_store(str(tmp_path / "killed"))

    def dying(*given: Any) -> None:
        for shard in range(4):
            commit(config, store, shard, shard)
            given[4](*shard_of(shard, shard))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(label, "label_missing", dying)
        with pytest.raises(KeyboardInterrupt):
            labels_of(config, store)
    commit(config, store, 4, 4)
    read = read_shards(monkeypatch)
    found = labels_of(config, store)
    assert sorted(read) == [scores_path(3), scores_path(4)]
    (Path(store.root) / TALLY_KEY).unlink()
    assert same(labels_of(config, store), found)


def test_a_driver_that_has_lost_the_output_keeps_no_tally(config: RunConfig, store: Store) -> None:
    def lost() -> None:
        raise LeaseLostError("another driver")

    with pytest.raises(LeaseLostError):
        label.label_samples(config, store, Meters(Console(quiet=True), lost, "run"), (0.0, 1.0))
    assert store.find(TALLY_KEY) is None


def test_few_shards_leave_no_tally(config: RunConfig, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label, "KEPT_EVERY", 6)
    labels_of(config, store)
    assert store.find(TALLY_KEY) is None
