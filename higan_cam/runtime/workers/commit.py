"""What every worker does with a unit that is made: encode, commit, write down what it took."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig, config_hash
    from higan_cam.pipeline import HeatBatch
    from higan_cam.pipeline.units import encode_unit, unit_samples
    from higan_cam.publish import decode_scores, encode_scores, plan_splits
    from higan_cam.publish.codes import encode_codes
    from higan_cam.store import Commit, Store, commit_shard
    from higan_cam.store.canonical import canonical_json
    from higan_cam.store.keys import (
        CODES,
        DATA,
        LIGHTS,
        PILOT,
        PLACES,
        SCORES,
        STAGE_NAMES,
        UPSCALED,
        codes_path,
        lights_path,
        pilot_path,
        places_path,
        scores_path,
        shard_path,
        stats_key,
        upscaled_path,
    )
    from higan_cam.store.run import with_choice
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


@dataclass(frozen=True)
class Encoded:
    """A unit's shard as bytes, not yet committed.

    Attributes:
        stage: as keys call it.
        path: below the output.
        extra: for the manifest entry.
        counts: of its rows, for the stats.
    """

    stage: str
    path: str
    body: bytes
    rows: int
    extra: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def commit_scores(
    config: RunConfig, store: Store, work: Work, labelled: tuple[IntArray, FloatArray], done: Attributed
) -> tuple[IntArray, FloatArray]:
    """Encoding, commit and stats of one score shard; the indices and scores that count from now on."""
    began, unit = time.monotonic() - done.seconds, work.unit
    extra = reduced(config, "label", done.micro_batch)
    encoded = Encoded(SCORES, scores_path(unit.shard), encode_scores(*labelled), len(unit.indices), extra)
    commit = _commit(config, store, work, encoded, done.device, began)
    # Where another attempt was first, what it committed is what counts.
    return decode_scores(store.get(commit.record.path)) if commit.differing else labelled


def commit_codes(config: RunConfig, store: Store, work: Work, codes: Sequence[PictureCode], done: Attributed) -> int:
    """Encoding, commit and stats of one shard of codes; the number of its pictures."""
    began, extra = time.monotonic() - done.seconds, reduced(config, "invert", done.micro_batch)
    counts = {status: sum(code.status == status for code in codes) for status in ("poor", "unreadable")}
    encoded = Encoded(CODES, codes_path(work.unit.shard), encode_codes(codes), len(codes), extra, counts)
    _commit(config, store, work, encoded, done.device, began)
    return len(codes)


def commit_places(config: RunConfig, store: Store, work: Work, body: bytes, done: Attributed) -> int:
    """Commit and stats of one shard of recommendations; the number of its pictures."""
    return _commit_pictures(config, store, work, Encoded(PLACES, places_path(work.unit.shard), body, 0), done)


def commit_upscaled(config: RunConfig, store: Store, work: Work, body: bytes, done: Attributed) -> int:
    """Commit and stats of one shard of enlarged pictures; the number of its pictures."""
    return _commit_pictures(config, store, work, Encoded(UPSCALED, upscaled_path(work.unit.shard), body, 0), done)


def _commit_pictures(config: RunConfig, store: Store, work: Work, encoded: Encoded, done: Attributed) -> int:
    """A shard that has a row for each of its pictures."""
    rows = len(work.unit.indices)
    _commit(config, store, work, replace(encoded, rows=rows), done.device, time.monotonic() - done.seconds)
    return rows


def commit_lights(config: RunConfig, store: Store, work: Work, body: bytes, rows: int, done: Attributed) -> int:
    """Commit and stats of one shard of pictures with light in them, `rows` pairs; the number of its pictures."""
    began, unit = time.monotonic() - done.seconds, work.unit
    _commit(config, store, work, Encoded(LIGHTS, lights_path(unit.shard), body, rows), done.device, began)
    return len(unit.indices)


def publish_unit(
    config: RunConfig,
    store: Store,
    work: Work,
    scorer: Scorer,
    batch: HeatBatch,
    attributed: Attributed,
    stage: str = DATA,
    judge: Scorer | None = None,
) -> int:
    """Regions, masks, encoding, commit and stats of one shard of samples; the number of those that it settles.

    Args:
        stage: whose: the dataset's, or the pilot's.
        judge: as `mask_samples` takes it.
    """
    began, unit = time.monotonic() - attributed.seconds, work.unit
    pictures = unit_pictures(config, store, unit.shard)
    asked = computing(config, stage, store)
    samples, size = within_memory(
        with_micro_batch(asked, "mask", attributed.micro_batch),
        "mask",
        work.log,
        lambda config: phase("mask", "regions")(unit_samples)(scorer, config, batch, pictures, judge),
    )
    path = samples_path(config, stage, unit.shard)
    body = phase("mask", "encode")(encode_unit)(scorer, asked, samples, batch, pictures)
    empty = sum(sample.status == "empty" for sample in samples)
    encoded = Encoded(stage, path, body, len(samples), reduced(config, "mask", size), {"empty": empty})
    _commit(config, store, work, encoded, attributed.device, began)
    return len(unit.indices)


def computing(config: RunConfig, stage: str, store: Store) -> RunConfig:
    """What a stage's samples are computed with, a chosen attribution too; hash and paths remain those of the run."""
    return with_choice(config.unrefined if stage == PILOT else config, store)


def samples_path(config: RunConfig, stage: str, shard: int) -> str:
    """Key of a shard of samples, of the dataset or of the pilot."""
    if stage == PILOT:
        return pilot_path(shard)
    return shard_path(*plan_splits(len(plan_mask(config)), config.publish)[shard])


def quarantine_details(verdict: Verdict) -> dict[str, Any]:
    """What the manifest says about a unit that was given up: how often it failed, and how, each time."""
    return {"attempts": len(verdict.failures), "traceback": "\n".join(verdict.failures)}


def _commit(config: RunConfig, store: Store, work: Work, encoded: Encoded, device: str, began: float) -> Commit:
    """Commit a shard, and write down what it took since `began` on the monotonic clock."""
    commit = phase(STAGE_NAMES[encoded.stage], "commit")(commit_shard)(
        store,
        stage=encoded.stage,
        shard=work.unit.shard,
        path=encoded.path,
        body=encoded.body,
        rows=encoded.rows,
        config_hash=config_hash(config),
        extra=encoded.extra,
    )
    summary = {"device": device, **encoded.counts, "differing": commit.differing}
    _write_stats(store, encoded.stage, work, time.monotonic() - began, **summary)
    return commit


def _write_stats(store: Store, stage: str, work: Work, seconds: float, **summary: Any) -> None:
    """Timing of one shard; outside the run's identity, so its bytes may differ between runs.

    `differing` is the digest of this attempt's bytes where another attempt, with other bytes, was first.
    """
    rows = len(work.unit.indices)
    stats = {"seconds": round(seconds, 3), "host": socket.gethostname(), "attempts": work.attempt, **summary}
    store.put(stats_key(stage, work.unit.shard), canonical_json({"rows": rows, **stats}))
    work.log.info("rows=%d seconds=%.1f committed", rows, seconds)
