"""What every worker does with a unit that is made: encode, commit, write down what it took."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig, config_hash
    from higan_cam.pipeline import HeatBatch
    from higan_cam.pipeline.finishing import mask_samples
    from higan_cam.publish import decode_scores, encode_scores, encode_shard, plan_splits
    from higan_cam.store import Store, commit_shard, open_store
    from higan_cam.store.canonical import canonical_json
    from higan_cam.store.keys import scores_path, shard_path
from higan_cam.runtime.crew.ledger import Verdict
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.workers.memory import reduced, with_micro_batch, within_memory
from higan_cam.store.keys import DATA, SCORES
from higan_cam.types import FloatArray, IntArray, Scorer, WorkUnit


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
    config: RunConfig,
    store: Store,
    unit: WorkUnit,
    labelled: tuple[IntArray, FloatArray],
    done: Attributed,
    attempt: int,
    log: RunLog,
) -> tuple[IntArray, FloatArray]:
    """Encoding, commit and stats of one score shard; the indices and scores that count from now on."""
    began = time.monotonic() - done.seconds
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
    _write_stats(config, SCORES, unit, time.monotonic() - began, attempt, log, **summary)
    return labelled


def publish_unit(
    config: RunConfig,
    unit: WorkUnit,
    scorer: Scorer,
    batch: HeatBatch,
    attributed: Attributed,
    attempt: int,
    log: RunLog,
) -> int:
    """Regions, masks, encoding, commit and stats of one dataset shard; the number of rows."""
    began = time.monotonic() - attributed.seconds
    samples, size = within_memory(
        with_micro_batch(config, "mask", attributed.micro_batch),
        "mask",
        log,
        lambda config: phase("mask", "regions")(mask_samples)(scorer, config, batch),
    )
    split, number, of = plan_splits(len(plan_mask(config)), config.publish)[unit.shard]
    commit = phase("mask", "commit")(commit_shard)(
        open_store(config.output, config.store),
        stage=DATA,
        shard=unit.shard,
        path=shard_path(split, number, of),
        body=phase("mask", "encode")(encode_shard)(samples, config.publish.row_group),
        rows=len(samples),
        config_hash=config_hash(config),
        extra=reduced(config, "mask", size),
    )
    empty = sum(sample.status == "empty" for sample in samples)
    seconds = time.monotonic() - began
    summary = {"device": attributed.device, "empty": empty, "differing": commit.differing}
    _write_stats(config, DATA, unit, seconds, attempt, log, **summary)
    return len(samples)


def quarantine_details(verdict: Verdict) -> dict[str, Any]:
    """What the manifest says about a unit that was given up: how often it failed, and how, each time."""
    return {"attempts": len(verdict.failures), "traceback": "\n".join(verdict.failures)}


def _write_stats(
    config: RunConfig, stage: str, unit: WorkUnit, seconds: float, attempt: int, log: RunLog, **summary: Any
) -> None:
    """Timing of one shard; outside the run's identity, so its bytes may differ between runs.

    `differing` is the digest of this attempt's bytes where another attempt, with other bytes, was first.
    """
    rows = unit.stop - unit.start
    stats = {"seconds": round(seconds, 3), "host": socket.gethostname(), "attempts": attempt, **summary}
    key = f"stats/{stage}-{unit.shard:05d}.json"
    open_store(config.output, config.store).put(key, canonical_json({"rows": rows, **stats}))
    log.info("rows=%d seconds=%.1f committed", rows, seconds)
