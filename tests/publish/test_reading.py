"""A damaged shard is named, in the same words, by everything that reads one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from higan_cam.config import RunConfig
from higan_cam.errors import StoreError
from higan_cam.publish.curation.table import read_samples
from higan_cam.publish.dataset import encode_shard, write_parquet
from higan_cam.publish.exports import export_run
from higan_cam.publish.reading import read_batches, read_shard
from higan_cam.publish.report.figures import read_figures
from higan_cam.publish.report.gallery.samples import write_gallery
from higan_cam.publish.sheets.inspection import inspect_run
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import DATA, manifest_key
from higan_cam.store.manifest import read_manifest
from higan_cam.store.store import Store, open_store
from higan_cam.train.inpaint.data import read_pairs
from higan_cam.types import ShardRecord
from tests.support.samples import commit_run, sample_of

READERS: dict[str, Callable[[Store, RunConfig], Any]] = {
    "report": lambda store, config: read_figures(config, store),
    "gallery": lambda store, _: write_gallery(store),
    "curation": lambda store, _: read_samples(store),
    "inspection": lambda store, _: inspect_run(store),
    "exports": lambda store, _: export_run(store, open_store(f"{store.uri}-export"), "coco"),
    "training": lambda store, _: read_pairs(store, first_split(store), 16),
}


def flipped(body: bytes) -> bytes:
    return body[:100] + bytes([body[100] ^ 1]) + body[101:]


def without_the_end(body: bytes) -> bytes:
    return body[: len(body) // 2]


def without_regions() -> bytes:
    """A shard as another version may have written it; every reader wants its regions."""
    return write_parquet(read_table(encode_shard([sample_of(index) for index in range(4)])).drop(["regions"]), 10)


def read_table(body: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(body))


def first_shard(store: Store) -> ShardRecord:
    entry = read_manifest(store, DATA)[0]
    assert entry is not None
    return entry.record


def first_split(store: Store) -> str:
    return first_shard(store).path.removeprefix("data/").split("-")[0]


def commit_instead(store: Store, config_hash: str, body: bytes, sha256: str) -> None:
    """Other bytes under the first shard's key, which its entry takes for committed, with the size that they have."""
    record = replace(first_shard(store), bytes=len(body), sha256=sha256)
    store.put(record.path, body)
    store.put(manifest_key(DATA, 0), canonical_json({**asdict(record), "config_hash": config_hash}))


@pytest.fixture
def run(store: Store) -> tuple[Store, RunConfig, str]:
    """Two shards of four samples, its configuration, and its hash."""
    config = commit_run(store, [sample_of(index) for index in range(8)])
    entry = read_manifest(store, DATA)[0]
    assert entry is not None
    return store, config, entry.config_hash


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", [flipped, without_the_end])
def test_other_bytes_than_the_manifests_are_damage_to_every_reader(
    run: tuple[Store, RunConfig, str], reader: str, damage: Callable[[bytes], bytes]
) -> None:
    store, config, config_hash = run
    record = first_shard(store)
    commit_instead(store, config_hash, damage(store.get(record.path)), record.sha256)
    said = (
        f"{store.uri}: {record.path} is damaged: its sha256 is not the manifest's {record.sha256}. "
        "The run's own command makes it again (see `higan-cam verify`)."
    )
    with pytest.raises(StoreError) as caught:
        READERS[reader](store, config)
    assert str(caught.value) == said


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("committed", [b"x" * 300, without_the_end(encode_shard([sample_of(0)]))])
def test_what_was_committed_and_is_not_parquet_is_named_by_every_reader(
    run: tuple[Store, RunConfig, str], reader: str, committed: bytes
) -> None:
    store, config, config_hash = run
    commit_instead(store, config_hash, committed, digest(committed))
    named = f"{store.uri}: {first_shard(store).path} cannot be read ("
    with pytest.raises(StoreError, match=rf"{re.escape(named)}.*\); see `higan-cam verify`"):
        READERS[reader](store, config)


@pytest.mark.parametrize("reader", READERS)
def test_a_shard_without_a_column_is_named_by_every_reader(run: tuple[Store, RunConfig, str], reader: str) -> None:
    store, config, config_hash = run
    body = without_regions()
    commit_instead(store, config_hash, body, digest(body))
    with pytest.raises(StoreError) as caught:
        READERS[reader](store, config)
    said = f"{store.uri}: {first_shard(store).path} has no column regions; is it of another version?"
    assert str(caught.value) == said


@pytest.mark.parametrize("reader", ["report", "gallery", "inspection", "training"])
def test_a_picture_that_is_none_is_named_by_every_reader_that_draws(
    run: tuple[Store, RunConfig, str], reader: str
) -> None:
    store, config, config_hash = run
    table = read_table(encode_shard([sample_of(index) for index in range(4)]))
    cells = pa.array([{"bytes": b"no PNG", "path": None}] * 4, table.schema.field("image").type)
    body = write_parquet(table.set_column(table.schema.get_field_index("image"), table.schema.field("image"), cells), 9)
    commit_instead(store, config_hash, body, digest(body))
    said = f"{store.uri}: {first_shard(store).path} cannot be read (not a PNG); see `higan-cam verify`"
    with pytest.raises(StoreError) as caught:
        READERS[reader](store, config)
    assert str(caught.value) == said


def test_columns_come_in_the_order_asked_for(run: tuple[Store, RunConfig, str]) -> None:
    store, *_ = run
    table = read_shard(store, first_shard(store), ("text", "index"))
    assert table.column_names == ["text", "index"]
    assert table["index"].to_pylist() == [0, 1, 2, 3]


def test_batches_hold_so_many_rows_and_together_all_of_them(run: tuple[Store, RunConfig, str]) -> None:
    store, *_ = run
    batches = list(read_batches(store, first_shard(store), ("index",), 3))
    assert batches == [[{"index": 0}, {"index": 1}, {"index": 2}], [{"index": 3}]]


def test_an_object_that_is_gone_is_named(run: tuple[Store, RunConfig, str]) -> None:
    store, *_ = run
    gone = replace(first_shard(store), path="data/train-00007-of-00002.parquet")
    with pytest.raises(StoreError, match=f"no such object: {gone.path}"):
        read_shard(store, gone, ("index",))
