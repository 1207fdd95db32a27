"""Exports of runs on large pictures: what is in memory does not grow with the pictures of a shard.

Pictures stand in as noise of a known number of bytes: no format looks into them but for their sizes.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from higan_cam.config import config_hash, parse_config
from higan_cam.publish import dataset, reading
from higan_cam.publish.dataset import dataset_schema, write_rows
from higan_cam.publish.exports import export, export_run
from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import LISTING_KEY
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store

PICTURE = 1 << 18
"""Bytes of a picture."""
LIGHTS = 3
FEW, MANY = 3, 12
"""Pictures of a shard."""


def write_lit_run(store: Store, pictures: int) -> None:
    """A run on pictures that relights, of one shard."""
    source = {"kind": "pictures", "pictures": "photos"}
    config = parse_config({"source": source, "light": {"gains": [1.0, 0.5, 2.0]}, "mask": {"shard_size": MANY}})
    begin_run(store, config, {"generator": "a" * 64})
    store.put(LISTING_KEY, canonical_json({"count": pictures}))
    schema = dataset_schema(photos=True, lit=True)
    body = write_rows((row_of(index, schema) for index in range(pictures)), schema, 1)
    made = config_hash(config)
    path = "data/train-00000-of-00001.parquet"
    commit_shard(store, stage="data", shard=0, path=path, body=body, rows=pictures, config_hash=made)


def row_of(index: int, schema: pa.Schema) -> dict[str, Any]:
    words = {"on_prompt": "switch on", "off_prompt": "switch off"}
    lights = [
        {"image": noise(index, light), "lamp": 0, "gain": 1.0, "edit_prompt": "dim" if light else "", **words}
        for light in range(LIGHTS)
    ]
    large = {name: noise(index, LIGHTS + place) for place, name in enumerate(("picture_image", "picture_negative"))}
    plain = {"id": f"{index:08d}", "index": index, "status": "ok", "verdict": "ok", "edit_prompt": "switch on the lamp"}
    return {**dict.fromkeys(schema.names), **plain, **large, "lights": lights}


def noise(index: int, which: int) -> dict[str, Any]:
    made = np.random.Generator(np.random.Philox(key=(index, which))).bytes(PICTURE)
    return {"bytes": made, "path": f"{index}-{which}.png"}


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits in the proportion to these pictures that the real ones have to photographs."""
    monkeypatch.setattr(reading, "WHOLE", PICTURE)
    monkeypatch.setattr(dataset, "GROUP", 2 * PICTURE)
    monkeypatch.setattr(dataset, "FILE", 6 * PICTURE)
    monkeypatch.setattr(export, "WAITING", PICTURE)


def exported_peak(folder: Path, pictures: int) -> int:
    """Bytes alive at most during the export, of Python and of Arrow."""
    run, target = open_store(folder / f"run-{pictures}"), open_store(folder / f"target-{pictures}")
    write_lit_run(run, pictures)
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        export_run(run, target, "instruct-pix2pix", pictures=True)
        return tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0)
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


@pytest.mark.usefixtures("small_limits")
def test_memory_does_not_grow_with_the_pictures_of_a_shard(tmp_path: Path) -> None:
    few, many = (exported_peak(tmp_path, pictures) for pictures in (FEW, MANY))
    assert many < 1.2 * few
    assert many < MANY * (LIGHTS + 2) * PICTURE  # less than the shard that is read


def rows_in(store: Store) -> Iterator[dict[str, Any]]:
    for key in store.list("data/"):
        yield from pq.read_table(pa.BufferReader(store.get(key))).to_pylist()


@pytest.mark.usefixtures("small_limits")
def test_a_shard_of_large_pictures_becomes_files_that_hold_its_rows_in_order(tmp_path: Path) -> None:
    run, target = open_store(tmp_path / "run"), open_store(tmp_path / "target")
    write_lit_run(run, FEW)
    done = export_run(run, target, "instruct-pix2pix", pictures=True)
    files = target.list("data/")
    assert len(files) > 1
    assert files == (
        "data/train-00000-of-00001.parquet",
        *(f"data/train-00000-of-00001_{n:05d}.parquet" for n in range(1, len(files))),
    )
    assert max(target.sizes("data/").values()) < 11 * PICTURE  # the limit, and the pair that passes it
    whole = open_store(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "FILE", 1 << 40)
        assert export_run(run, whole, "instruct-pix2pix", pictures=True).samples == done.samples
    assert list(rows_in(target)) == list(rows_in(whole))
    assert done.samples == {"train": FEW * (1 + LIGHTS + LIGHTS - 1 + LIGHTS)}
    assert export_run(run, target, "instruct-pix2pix", pictures=True).made == 0
