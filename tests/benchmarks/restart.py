"""`python -m tests.benchmarks.restart`: what a stage that starts again asks of its output, before and now.

Before: every entry and every shard is read. Now: entries come from the index, and shards that their place has not
written since they were committed are not read; nor are score shards that stand in the tally of all scores (`--stage
scores`). Shards are noise of the size named, or as many scores; requests are counted by a proxy before a real S3 server
(moto, unless Ceph is installed).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from rich.console import Console

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.publish import decode_scores, encode_scores
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.label import label_samples
from higan_cam.store import Store, open_store
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import SCORES, index_key, manifest_key, scores_path
from higan_cam.store.manifest import committed
from higan_cam.store.manifest_index import index_manifest
from higan_cam.store.restart import read_whole, untouched
from tests.integration.object_store.proxy import FaultProxy
from tests.support.s3_server import running_server

HASH = "0" * 64
SCORES_EACH = 2048


def main() -> None:
    """Print a line for each place and number of shards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=100_000)
    parser.add_argument("--place", choices=("local", "s3"), default="local")
    parser.add_argument("--stage", choices=("data", "scores"), default="data")
    told = parser.parse_args()
    with PLACES[told.place]() as (store, requests):
        if told.stage == "data":
            fill(store, told.shards, told.bytes)
            ways, content = (lambda: reading(store), lambda: trusting(store)), f"{told.bytes:,} bytes"
        else:
            fill_scores(store, told.shards)
            counting(store, told.shards)  # leaves index and tally
            ways = (lambda: counting(store, told.shards, known=False), lambda: counting(store, told.shards))
            content = f"{SCORES_EACH:,} scores"
        before = timed(ways[0], requests)
        index_manifest(store, told.stage)
        time.sleep(1.1)
        after = timed(ways[1], requests)
    assert before[0] == after[0] == told.shards
    print(
        f"{told.place}: {told.shards:,} shards of {content}; before {before[1]:.2f} s, "
        f"{before[2]:,} requests; now {after[1]:.2f} s, {after[2]:,} requests"
    )


def fill(store: Store, shards: int, size: int) -> None:
    """Committed shards: bodies, then entries, then a second, so that the index is younger than all of them."""
    draw = np.random.Generator(np.random.Philox(0))
    for shard in range(shards):
        commit(store, shard, f"data/train-{shard:05d}-of-{shards:05d}.parquet", draw.bytes(size), HASH)
    time.sleep(1.1)


def fill_scores(store: Store, shards: int) -> None:
    """The same of score shards."""
    draw, of = np.random.Generator(np.random.Philox(0)), config_hash(labelling(store, shards))
    for shard in range(shards):
        indices = np.arange(shard * SCORES_EACH, (shard + 1) * SCORES_EACH)
        body = encode_scores(indices, draw.random(SCORES_EACH, np.float32))
        commit(store, shard, scores_path(shard), body, of)
    time.sleep(1.1)


def commit(store: Store, shard: int, path: str, body: bytes, of: str) -> None:
    """A shard, then its entry."""
    stage = path.partition("/")[0]
    record = {"stage": stage, "shard": shard, "path": path, "rows": 1, "bytes": len(body), "sha256": digest(body)}
    store.put(path, body)
    store.put(manifest_key(stage, shard), canonical_json({**record, "config_hash": of}))


def labelling(store: Store, shards: int) -> RunConfig:
    """A run of so many score shards."""
    return parse_config({"output": store.uri, "label": {"count": shards * SCORES_EACH, "shard_size": SCORES_EACH}})


def counting(store: Store, shards: int, *, known: bool = True) -> int:
    """The label stage where nothing is left to label; with its tally known, or as it was: every shard is read."""
    config = labelling(store, shards)
    if not known:
        return sum(1 for _ in read_whole(store, committed(store, SCORES, config_hash(config)), decode_scores))
    meters = Meters(Console(quiet=True), lambda: None, "restart")
    return label_samples(config, store, meters, (0.0, 1.0)).extremes.seen // SCORES_EACH


def reading(store: Store) -> int:
    """As it was: whole shards, of entries that were read one by one."""
    assert not store.exists(index_key("data"))
    return sum(1 for _ in read_whole(store, committed(store, "data", HASH), lambda _: None))


def trusting(store: Store) -> int:
    """As it is."""
    return len(untouched(store, "data", committed(store, "data", HASH)))


def timed(take: Callable[[], int], requests: list[str]) -> tuple[int, float, int]:
    """(what it gives, seconds, requests)."""
    requests.clear()
    began = time.perf_counter()
    found = take()
    return found, time.perf_counter() - began, len(requests)


@contextmanager
def local() -> Iterator[tuple[Store, list[str]]]:
    """A folder, which has no requests."""
    with tempfile.TemporaryDirectory() as folder:
        yield open_store(folder), []


@contextmanager
def served() -> Iterator[tuple[Store, list[str]]]:
    """A bucket, whose requests are counted."""
    with running_server() as server, FaultProxy(server.endpoint_url) as proxy:
        os.environ.update(server.environment(proxy.endpoint_url))
        yield open_store(f"s3://{server.create_bucket()}/run"), proxy.requests


PLACES = {"local": local, "s3": served}

if __name__ == "__main__":
    main()
