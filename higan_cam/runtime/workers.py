"""What runs inside Ray's processes: load once, then one unit at a time, committed by the worker itself."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from typing import Any

import numpy as np
import torch

from higan_cam.config import RunConfig, config_hash
from higan_cam.label import load_scorer
from higan_cam.pipeline import HeatBatch, attribute_unit, label_unit, load_models, mask_samples
from higan_cam.publish import (
    commit_shard,
    data_path,
    decode_scores,
    encode_scores,
    encode_shard,
    open_store,
    plan_splits,
    quarantine_shard,
    scores_path,
)
from higan_cam.publish.manifest import canonical_json
from higan_cam.runtime.plan import DATA, SCORES, plan_label, plan_mask
from higan_cam.types import Boundary, Sample, WorkUnit

log = logging.getLogger(__name__)


class LabelWorker:
    """Ray Data actor: a row with a unit's number -> the unit's (index, score) rows. Images never leave it."""

    def __init__(self, config: RunConfig, units: list[int], device: str) -> None:
        one_thread(device)
        self.config, self.units, self.device = config, units, device
        self.plan = plan_label(config)
        self.models = load_models(config, device)
        self.store = open_store(config.output)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """{"id": (1,)} -> {"index": (n,) int64, "score": (n,) float32}; no rows where the unit was quarantined."""
        unit = self.plan[self.units[int(batch["id"][0])]]
        for attempt in range(1, self.config.runtime.max_tries + 1):
            try:
                return self._label(unit, attempt)
            except Exception:  # whatever a unit does, the others go on; it is reported
                log.exception("stage=%s shard=%d attempt=%d failed", SCORES, unit.shard, attempt)
                failure = traceback.format_exc()
                time.sleep(backoff_s(attempt))
        quarantine_shard(self.store, SCORES, unit.shard, {"attempts": attempt, "traceback": failure})
        return {"index": np.zeros(0, np.int64), "score": np.zeros(0, np.float32)}

    def _label(self, unit: WorkUnit, attempt: int) -> dict[str, Any]:
        began = time.monotonic()
        indices, scores = label_unit(self.models, self.config, unit)
        commit = commit_shard(
            self.store,
            stage=SCORES,
            shard=unit.shard,
            path=scores_path(unit.shard),
            body=encode_scores(indices, scores),
            rows=len(indices),
            config_hash=config_hash(self.config),
        )
        if commit.differing:  # another attempt was first: what it committed is what counts
            indices, scores = decode_scores(self.store.get(commit.record.path))
        seconds = time.monotonic() - began
        _write_stats(self.config, SCORES, unit, seconds, attempt, differing=commit.differing)
        return {"index": indices, "score": scores}


class MaskWorker:
    """Ray actor: a unit -> heat maps, or all the way to a committed shard."""

    def __init__(self, config: RunConfig, boundary: Boundary, device: str) -> None:
        one_thread(device)
        self.config, self.boundary, self.device = config, boundary, device
        self.models = load_models(config, device)

    def ping(self) -> bool:
        """Answers once the actor is (again) ready for work."""
        return True

    def attribute(self, unit: WorkUnit) -> tuple[float, HeatBatch]:
        """Seconds taken; and images and heat maps of one unit, to be finished elsewhere.

        Two Ray objects: the driver reads the small one and passes the large one on.
        """
        began = time.monotonic()
        batch = attribute_unit(self.models, self.config, self.boundary, unit)
        return time.monotonic() - began, batch

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """The whole unit here; the number of rows committed."""
        began = time.monotonic()
        batch = attribute_unit(self.models, self.config, self.boundary, unit)
        samples = mask_samples(self.models.scorer, self.config, batch)
        return publish_unit(self.config, unit, samples, time.monotonic() - began, attempt)


def finish_unit(config: RunConfig, unit: WorkUnit, attributing_s: float, batch: HeatBatch, attempt: int) -> int:
    """Ray task: heat maps -> committed shard, on a CPU; the number of rows committed."""
    one_thread("cpu")
    began = time.monotonic() - attributing_s
    scorer = load_scorer(config.scorer.name, config.scorer.weights)
    samples = mask_samples(scorer, config, batch)
    return publish_unit(config, unit, samples, time.monotonic() - began, attempt)


def publish_unit(config: RunConfig, unit: WorkUnit, samples: list[Sample], seconds: float, attempt: int) -> int:
    """Encode and commit one dataset shard, and write its stats; the number of rows."""
    split, number, of = plan_splits(len(plan_mask(config)), config.publish)[unit.shard]
    commit = commit_shard(
        open_store(config.output),
        stage=DATA,
        shard=unit.shard,
        path=data_path(split, number, of),
        body=encode_shard(samples, config.publish.row_group),
        rows=len(samples),
        config_hash=config_hash(config),
    )
    empty = sum(sample.status == "empty" for sample in samples)
    _write_stats(config, DATA, unit, seconds, attempt, empty=empty, differing=commit.differing)
    return len(samples)


def _write_stats(
    config: RunConfig, stage: str, unit: WorkUnit, seconds: float, attempt: int, **summary: float | str | None
) -> None:
    """Timing of one shard; outside the run's identity, so its bytes may differ between runs.

    `differing` is the digest of this attempt's bytes where another attempt, with other bytes, was first.
    """
    stats = {"seconds": round(seconds, 3), "host": socket.gethostname(), "attempts": attempt, **summary}
    key = f"stats/{stage}-{unit.shard:05d}.json"
    open_store(config.output).put(key, canonical_json({"rows": unit.stop - unit.start, **stats}))
    log.info("stage=%s shard=%d rows=%d seconds=%.1f", stage, unit.shard, unit.stop - unit.start, seconds)


def backoff_s(attempt: int) -> float:
    """Seconds to wait after the attempt-th failure: 1, 2, 4, … at most 30."""
    return float(min(30, 2 ** (attempt - 1)))


def one_thread(device: str) -> None:
    """One BLAS thread per process: two in one process can be ten times slower on shared cores."""
    if device == "cpu":
        torch.set_num_threads(1)
