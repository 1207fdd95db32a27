"""What every worker does with a unit that is made: encode, commit, write down what it took."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig, config_hash
    from higan_cam.pipeline import HeatBatch
    from higan_cam.pipeline.units import encode_unit, unit_samples
    from higan_cam.publish import decode_scores, encode_scores, plan_splits
    from higan_cam.publish.codes import encode_codes
    from higan_cam.store import Store, commit_shard
    from higan_cam.store.canonical import canonical_json
    from higan_cam.store.keys import (
        CODES,
        DATA,
        PILOT,
        PLACES,
        SCORES,
        codes_path,
        pilot_path,
        places_path,
        scores_path,
        shard_path,
        stats_key,
    )
from higan_cam.runtime.crew.ledger import Verdict
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.workers.inputs import unit_pictures
from higan_cam.runtime.workers.memory import reduced, with_micro_batch, within_memory
from higan_cam.types import FloatArray, IntArray, PictureCode, Scorer, WorkUnit


@dataclass(frozen=True)
class Work:
    """One attempt at a unit, in the process that makes it."""

    unit: WorkUnit
    attempt: int
    log: RunLog


@dataclass(frozen=True)
class Attributed:
    """What is known of the GPU's part of a unit.

    Attributes:
        seconds: taken.
        micro_batch: that fitted into memory.
        device: its kind, since bytes depend on that (`devices`).
    """

    seconds: float
    micro_batch: int
    device: str


def commit_scores(
    config: RunConfig, store: Store, work: Work, labelled: tuple[IntArray, FloatArray], done: Attributed
) -> tuple[IntArray, FloatArray]:
    """Encoding, commit and stats of one score shard; the indices and scores that count from now on."""
    began, unit = time.monotonic() - done.seconds, work.unit
    commit = phase("label", "commit")(commit_shard)(
        store,
        stage=SCORES,
        shard=unit.shard,
        path=scores_path(unit.shard),
        body=encode_scores(*labelled),
        rows=len(unit.indices),
        config_hash=config_hash(config),
        extra=reduced(config, "label", done.micro_batch),
    )
    if commit.differing:  # another attempt was first: what it committed is what counts
        labelled = decode_scores(store.get(commit.record.path))
    summary = {"device": done.device, "differing": commit.differing}
    _write_stats(store, SCORES, work, time.monotonic() - began, **summary)
    return labelled


def commit_codes(config: RunConfig, store: Store, work: Work, codes: Sequence[PictureCode], done: Attributed) -> int:
    """Encoding, commit and stats of one shard of codes; the number of its pictures."""
    began, unit = time.monotonic() - done.seconds, work.unit
    commit = phase("invert", "commit")(commit_shard)(
        store,
        stage=CODES,
        shard=unit.shard,
        path=codes_path(unit.shard),
        body=encode_codes(codes),
        rows=len(codes),
        config_hash=config_hash(config),
        extra=reduced(config, "invert", done.micro_batch),
    )
    counts = {status: sum(code.status == status for code in codes) for status in ("poor", "unreadable")}
    summary = {"device": done.device, **counts, "differing": commit.differing}
    _write_stats(store, CODES, work, time.monotonic() - began, **summary)
    return len(codes)


def commit_places(config: RunConfig, store: Store, work: Work, body: bytes, done: Attributed) -> int:
    """Commit and stats of one shard of recommendations; the number of its pictures."""
    began, unit = time.monotonic() - done.seconds, work.unit
    commit = phase("recommend", "commit")(commit_shard)(
        store,
        stage=PLACES,
        shard=unit.shard,
        path=places_path(unit.shard),
        body=body,
        rows=len(unit.indices),
        config_hash=config_hash(config),
    )
    _write_stats(store, PLACES, work, time.monotonic() - began, device=done.device, differing=commit.differing)
    return len(unit.indices)


def publish_unit(
    config: RunConfig,
    store: Store,
    work: Work,
    scorer: Scorer,
    batch: HeatBatch,
    attributed: Attributed,
    stage: str = DATA,
) -> int:
    """Regions, masks, encoding, commit and stats of one shard of samples; the number of those that it settles.

    Args:
        stage: whose: the dataset's, or the pilot's.
    """
    began, unit = time.monotonic() - attributed.seconds, work.unit
    pictures = unit_pictures(config, store, unit.shard)
    samples, size = within_memory(
        with_micro_batch(computing(config, stage), "mask", attributed.micro_batch),
        "mask",
        work.log,
        lambda config: phase("mask", "regions")(unit_samples)(scorer, config, batch, pictures),
    )
    commit = phase("mask", "commit")(commit_shard)(
        store,
        stage=stage,
        shard=unit.shard,
        path=samples_path(config, stage, unit.shard),
        body=phase("mask", "encode")(encode_unit)(scorer, config, samples, batch, pictures),
        rows=len(samples),
        config_hash=config_hash(config),
        extra=reduced(config, "mask", size),
    )
    empty = sum(sample.status == "empty" for sample in samples)
    summary = {"device": attributed.device, "empty": empty, "differing": commit.differing}
    _write_stats(store, stage, work, time.monotonic() - began, **summary)
    return len(unit.indices)


def computing(config: RunConfig, stage: str) -> RunConfig:
    """What a stage's samples are computed with; hash and paths remain those of the run."""
    return config.unrefined if stage == PILOT else config


def samples_path(config: RunConfig, stage: str, shard: int) -> str:
    """Key of a shard of samples, of the dataset or of the pilot."""
    if stage == PILOT:
        return pilot_path(shard)
    return shard_path(*plan_splits(len(plan_mask(config)), config.publish)[shard])


def quarantine_details(verdict: Verdict) -> dict[str, Any]:
    """What the manifest says about a unit that was given up: how often it failed, and how, each time."""
    return {"attempts": len(verdict.failures), "traceback": "\n".join(verdict.failures)}


def _write_stats(store: Store, stage: str, work: Work, seconds: float, **summary: Any) -> None:
    """Timing of one shard; outside the run's identity, so its bytes may differ between runs.

    `differing` is the digest of this attempt's bytes where another attempt, with other bytes, was first.
    """
    rows = len(work.unit.indices)
    stats = {"seconds": round(seconds, 3), "host": socket.gethostname(), "attempts": work.attempt, **summary}
    store.put(stats_key(stage, work.unit.shard), canonical_json({"rows": rows, **stats}))
    work.log.info("rows=%d seconds=%.1f committed", rows, seconds)
