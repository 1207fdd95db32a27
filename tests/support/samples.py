"""Small samples, shards and runs made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from higan_cam.config import RunConfig, StoreConfig, config_hash, parse_config
from higan_cam.pictures import PictureRow, freeze_listing
from higan_cam.publish.codes import encode_codes
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.scores import encode_scores
from higan_cam.publish.splits import plan_splits
from higan_cam.store.keys import CODES, DATA, codes_path, shard_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from higan_cam.types import ByteArray, Captions, Ellipse, Photo, PictureCode, Region, Relit, Sample

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


def begin_photo_run(store: Store, pictures: Path, shard_size: int = 2) -> RunConfig:
    """A run on pictures that has begun and listed them; its configuration."""
    asked = {"source": {"kind": "pictures", "pictures": str(pictures)}, "mask": {"shard_size": shard_size}}
    config = parse_config(asked)
    begin_run(store, config, dict.fromkeys(("generator", "scorer", "student"), HASH))
    freeze_listing(store, str(pictures))
    return config


def commit_photos(
    store: Store, config: RunConfig, shard: int, rows: Sequence[PictureRow], masks: Mapping[str, ByteArray]
) -> None:
    """A unit of a run on pictures: codes of all of them, samples of those that have a mask here; others are cut off."""
    codes = [_code_of(row, "ok" if row.key in masks else "unreadable") for row in rows]
    samples = [_photo_sample(code, masks[code.key]) for code in codes if code.key in masks]
    units = (
        (CODES, codes_path(shard), encode_codes(codes), len(codes)),
        (DATA, shard_path("train", shard, 9), encode_shard(samples, photos=True), len(samples)),
    )
    for stage, path, body, count in units:
        commit_shard(store, stage=stage, shard=shard, path=path, body=body, rows=count, config_hash=config_hash(config))


def _code_of(row: PictureRow, status: Literal["ok", "unreadable"]) -> PictureCode:
    reason = "" if status == "ok" else "cut off"
    place, w_plus = (1.0, 0.0, 0.0), np.zeros((2, 4), np.float32)
    return PictureCode(
        row.index, row.key, row.bytes, row.etag, row.offset, status, reason, (), (0, 0), place, (), w_plus, {}
    )


def _photo_sample(code: PictureCode, mask: ByteArray) -> Sample:
    sample, picture = sample_of(code.index), np.zeros((*mask.shape, 3), np.uint8)
    photo = Photo(code, picture, mask, picture, picture, sample.image, 0.5, (), (), 0.5)
    return replace(sample, photo=photo)
