"""Small finished runs without models: shards of made-up samples, committed as a run commits them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from pycocotools import mask as rle_codec

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.publish.card import CardFacts, render_card
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.splits import plan_splits
from higan_cam.store.keys import shard_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run, read_run
from higan_cam.store.store import Store
from higan_cam.types import BoolArray, Region, Sample
from tests.support.samples import lit_sample, sample_of

COUNT, SHARD_SIZE, SIZE = 14, 3, 16
EMPTY = frozenset({1, 9})
"""Indices without a mask in the default run."""
SHARDS = -(-COUNT // SHARD_SIZE)


def small_config(*, lit: bool = False, **publish: Any) -> RunConfig:
    light = {"light": {"gains": [1.0, 0.5]}} if lit else {}
    return parse_config({"mask": {"count": COUNT, "shard_size": SHARD_SIZE}, "publish": publish, **light})


def sample_with_regions(index: int, *, empty: bool = False) -> Sample:
    """A sample whose mask is the union of two regions, or that has none."""
    sample = sample_of(index, SIZE)
    if empty:
        black = np.zeros_like(sample.mask)
        return replace(sample, mask=black, regions=(), status="empty", reason="nothing", coverage=0.0)
    parts = _parts(index)
    regions = tuple(_region(sample.regions[0], rank, part) for rank, part in enumerate(parts))
    mask = np.where(np.logical_or(*parts), 255, 0).astype(np.uint8)
    return replace(sample, mask=mask, regions=regions, coverage=float((mask > 0).mean()))


def write_run(
    store: Store,
    *,
    shards: Collection[int] = range(SHARDS),
    empty: Collection[int] = EMPTY,
    card: bool = True,
    lit: bool = False,
) -> None:
    """Commit the named shards of the run, three lights to a sample with a mask where it is lit; writes the card."""
    config = small_config(lit=lit)
    begin_run(store, config, {"generator": "a" * 64})
    places = plan_splits(SHARDS, config.publish)
    rows = dict.fromkeys(("train", "validation", "test"), 0)
    for shard, place in enumerate(places):
        indices = range(shard * SHARD_SIZE, min(COUNT, (shard + 1) * SHARD_SIZE))
        if shard not in shards:
            continue
        rows[place[0]] += len(indices)
        samples = [sample_with_regions(index, empty=index in empty) for index in indices]
        if lit:
            samples = [
                replace(each, lights=lit_sample(each.index, SIZE).lights if each.regions else ()) for each in samples
            ]
        body = encode_shard(samples, row_group=2, lit=lit)
        commit_shard(
            store,
            stage="data",
            shard=shard,
            path=shard_path(*place),
            body=body,
            rows=len(indices),
            config_hash=config_hash(config),
        )
    if card:
        store.put("README.md", render_card(card_facts(store, rows)).encode())


def card_facts(store: Store, rows: dict[str, int]) -> CardFacts:
    sizes = {split: sum(store.sizes(f"data/{split}-").values()) for split in rows}
    return CardFacts(
        title="Rooms",
        license="mit",
        rows=rows,
        sizes=sizes,
        resolution=SIZE,
        generator="StyleGAN2, embedded",
        scorer="ResNet18",
        run=read_run(store),
        boundary={"tail_accuracy": 0.9877},
    )


def contents(store: Store) -> dict[str, bytes]:
    """{key: bytes} of everything in a store."""
    return {key: store.get(key) for key in store.list()}


def _parts(index: int) -> tuple[BoolArray, BoolArray]:
    """Two disjoint ragged shapes, left and right."""
    rng = np.random.Generator(np.random.Philox(key=(index, 1)))
    noise = rng.random((SIZE, SIZE)) < 0.6
    noise[3, [2, SIZE - 3]] = True  # neither is ever empty
    left = np.arange(SIZE)[None, :] < SIZE // 2
    return noise & left, noise & ~left


def _region(pattern: Region, rank: int, part: BoolArray) -> Region:
    rle = rle_codec.encode(np.asfortranarray(part.astype(np.uint8)))
    x, y, width, height = (int(side) for side in rle_codec.toBbox(rle))
    counts = {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")}
    return replace(pattern, rank=rank, area=int(part.sum()), bbox=(x, y, width, height), rle=counts)
