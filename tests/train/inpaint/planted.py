"""A dataset without models: dark pictures in which one or two squares light up, at planted places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from higan_cam.config import config_hash, parse_config
from higan_cam.mask import encode_rle
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.splits import plan_splits
from higan_cam.store.keys import shard_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from higan_cam.types import BoolArray, Sample
from tests.support.samples import sample_of

SIDE, SHARD_SIZE, SHARDS = 16, 6, 5
DARK, GAIN = 40, 150
SQUARE = 4
CORNERS = ((1, 1), (1, 11), (11, 1), (11, 11))


def square(corner: int) -> BoolArray:
    """(16,16) bool: one of four squares of 4 px."""
    mask = np.zeros((SIDE, SIDE), np.bool_)
    y, x = CORNERS[corner]
    mask[y : y + SQUARE, x : x + SQUARE] = True
    return mask


def planted_sample(index: int) -> Sample:
    """Even samples have one square, odd ones two; sample 4 has none."""
    parts = [] if index == 4 else [square((index + step) % 4) for step in range(1 + index % 2)]
    mask = np.any(parts, axis=0) if parts else np.zeros((SIDE, SIDE), np.bool_)
    sample = sample_of(index, SIDE)
    negative = np.full((SIDE, SIDE, 3), DARK, np.uint8)
    pattern = sample.regions[0]
    regions = tuple(replace(pattern, rank=rank, rle=encode_rle(part)) for rank, part in enumerate(parts))
    return replace(
        sample,
        negative=negative,
        image=np.where(mask[..., None], DARK + GAIN, negative).astype(np.uint8),
        mask=np.where(mask, 255, 0).astype(np.uint8),
        regions=regions,
        status="ok" if parts else "empty",
        reason="" if parts else "nothing",
    )


def write_planted(store: Store) -> None:
    """A finished run of 30 samples in five shards: three of training, one of validation, one of test."""
    config = parse_config({"mask": {"count": SHARDS * SHARD_SIZE, "shard_size": SHARD_SIZE}})
    begin_run(store, config, {"generator": "a" * 64})
    for shard, place in enumerate(plan_splits(SHARDS, config.publish)):
        samples = [planted_sample(index) for index in range(shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE)]
        commit_shard(
            store,
            stage="data",
            shard=shard,
            path=shard_path(*place),
            body=encode_shard(samples),
            rows=SHARD_SIZE,
            config_hash=config_hash(config),
        )
