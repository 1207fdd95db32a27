"""Small samples, shards and runs made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from higan_cam.config import RunConfig, StoreConfig, config_hash, parse_config
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.scores import encode_scores
from higan_cam.publish.splits import plan_splits
from higan_cam.store.keys import shard_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from higan_cam.types import Captions, Ellipse, Region, Relit, Sample

HASH = "c" * 64


PATH = "scores/part-00000.parquet"


MIB = 2**20


PARTS = StoreConfig(multipart_bytes=MIB, part_bytes=5 * MIB, retry_s=20)
"""Anything above a MiB goes up in parts."""


_REGION = Region(
    rank=0,
    area=24,
    mean_heat=0.75,
    max_heat=1.0,
    importance=18.0,
    points=24,
    centroid=(4.5, 6.0),
    peak=(4.0, 7.0),
    ellipse=Ellipse(8.0, 4.0, 30.0),
    bbox=(3, 2, 6, 4),
    rle={"size": [16, 16], "counts": b"abc0"},
)


WORDS = Captions(
    text="a bedroom with a bright lamp on the left",
    prompt="a bright bedroom",
    prompt_before="an unlit bedroom",
    edit_prompt="turn on the lamp on the left",
    undo_prompt="turn off the lamp on the left",
    captions=("a bedroom with a bright lamp on the left", "a bright bedroom with a lamp on the left"),
)


def noise(seed: int, size: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return np.random.Generator(np.random.Philox(key=seed)).bytes(size)


def commit_scores(store: Store, value: float, rows: int = 8) -> str | None:
    """Commit score shard 0, all of one value; the digest of these bytes if others were there first."""
    scores = np.full(rows, value, np.float32)
    body = encode_scores(np.arange(rows), scores)
    return commit_shard(store, stage="scores", shard=0, path=PATH, body=body, rows=rows, config_hash=HASH).differing


def lit_sample(index: int, size: int = 16) -> Sample:
    """A sample whose first region's lamp is on at two settings, and the second's at one."""
    sample = sample_of(index, size)
    words = {"on_prompt": "switch on", "off_prompt": "switch off"}
    settings = ((0, 1.0, ""), (0, 0.5, "dim"), (1, 1.0, ""))
    lights = tuple(
        Relit(
            rank,
            rank,
            0.5,
            0.5,
            gain,
            2700.0,
            sample_of(1000 * (index + 1) + place, size).image,
            edit_prompt=edit,
            **words,
        )
        for place, (rank, gain, edit) in enumerate(settings)
    )
    return replace(sample, lights=lights)


def sample_of(index: int, size: int = 16) -> Sample:
    """A sample whose pixels follow from its index."""
    rng = np.random.Generator(np.random.Philox(key=index))
    images = rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    heat = rng.random((size, size), dtype=np.float32)
    return Sample(
        id=f"{index:08d}",
        index=index,
        seed=7,
        image=images[0],
        original=images[1],
        negative=images[2],
        mask=np.where(heat > 0.5, 255, 0).astype(np.uint8),
        heat=heat,
        words=WORDS,
        score=1.0,
        score_negative=0.5,
        score_positive=2.5,
        retention=0.9,
        necessity=0.8,
        retention_random=0.2,
        necessity_random=0.1,
        retention_second=float("nan"),
        necessity_second=float("nan"),
        coverage=0.5,
        distance_negative=-3.0,
        distance_positive=3.0,
        reached=True,
        status="ok",
        reason="",
        regions=(_REGION, replace(_REGION, rank=1)),
    )


def commit_run(store: Store, samples: Sequence[Sample], shard_size: int = 4) -> RunConfig:
    """A finished run that holds just these samples, whatever their order; its configuration."""
    config = parse_config({"mask": {"count": len(samples), "shard_size": shard_size}})
    begin_run(store, config)
    shards = [samples[start : start + shard_size] for start in range(0, len(samples), shard_size)]
    places = plan_splits(len(shards), config.publish)
    for number, (shard, place) in enumerate(zip(shards, places, strict=True)):
        commit_shard(
            store,
            stage="data",
            shard=number,
            path=shard_path(*place),
            body=encode_shard(shard),
            rows=len(shard),
            config_hash=config_hash(config),
        )
    return config
