"""What runs inside Ray's processes: load once, then one unit at a time, committed by the worker itself."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    import numpy as np

    from higan_cam.config import RunConfig, config_hash
    from higan_cam.label import calibrated, make_scorer
    from higan_cam.pipeline import HeatBatch, attribute_unit, label_unit, load_models, on_final_scale
    from higan_cam.pipeline.devices import device_kind, prepare_process
    from higan_cam.pipeline.finishing import mask_samples
    from higan_cam.publish import data_path, decode_scores, encode_scores, encode_shard, plan_splits, scores_path
    from higan_cam.store import Store, commit_shard, open_store, quarantine_shard
    from higan_cam.store.manifest import canonical_json

from higan_cam.runtime.crew.ledger import START, Verdict
from higan_cam.runtime.crew.watch import Watch
from higan_cam.runtime.logs import RunLog, log_to_stderr, run_log
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import DATA, SCORES, plan_label, plan_mask, unit_name
from higan_cam.runtime.workers.memory import reduced, with_micro_batch, within_memory
from higan_cam.types import Boundary, FloatArray, IntArray, Scorer, WorkUnit

GIVEN_UP = -1
"""Index that stands for a unit without scores: Ray Data passes no empty blocks on."""


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


class LabelWorker:
    """Ray Data actor: a row with a unit's number -> the unit's (index, score) rows. Images never leave it."""

    def __init__(self, config: RunConfig, device: str, ledger: Any) -> None:
        log_to_stderr()
        prepare_process(device, config.generator)
        self.config, self.device = config, device
        self.log = run_log(__name__, config, SCORES)
        self.watch = Watch(ledger)
        self.plan = plan_label(config)
        self.watch.begin(START)
        with self.watch.settling(START):
            self.models = load_models(config, device)
            self.store = open_store(config.output, config.store)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """{"id": (1,)} -> {"index": (n,) int64, "score": (n,) float32}; one row `GIVEN_UP` for a quarantined unit.

        Ray Data runs a unit again for ever when its process dies; the ledger counts, and this gives up.
        """
        unit = self.plan[int(batch["id"][0])]
        name = unit_name(SCORES, unit.shard)
        while True:
            verdict = self.watch.begin(name)
            log = self.log.of(shard=unit.shard, attempt=verdict.attempt)
            try:
                with self.watch.settling(name):
                    if verdict.attempt <= self.config.runtime.max_tries:
                        return self.label(unit, verdict.attempt, log)
            except Exception:  # whatever a unit does, the others go on; it is reported
                log.exception("failed")
                time.sleep(backoff_s(verdict.attempt))
            else:
                return self.give_up(unit, verdict)

    def label(self, unit: WorkUnit, attempt: int, log: RunLog) -> dict[str, Any]:
        """One attempt: label, commit, write the stats."""
        began = time.monotonic()
        labelled, size = within_memory(
            self.config, "label", log, lambda config: phase("label", "score")(label_unit)(self.models, config, unit)
        )
        done = Attributed(time.monotonic() - began, size, device_kind(self.device))
        indices, scores = commit_scores(self.config, self.store, unit, labelled, done, attempt, log)
        return {"index": indices, "score": scores}

    def give_up(self, unit: WorkUnit, verdict: Verdict) -> dict[str, Any]:
        """Quarantine the unit, and say so in one row."""
        quarantine_shard(self.store, SCORES, unit.shard, quarantine_details(verdict))
        return {"index": np.array([GIVEN_UP], np.int64), "score": np.array([np.nan], np.float32)}


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


class MaskWorker:
    """Ray actor: a unit -> heat maps, or all the way to a committed shard."""

    def __init__(self, config: RunConfig, boundary: Boundary, device: str, ledger: Any) -> None:
        log_to_stderr()
        prepare_process(device, config.generator)
        self.config, self.boundary, self.device = config, boundary, device
        self.log = run_log(__name__, config, DATA)
        self.watch = Watch(ledger)
        self.watch.begin(START)
        with self.watch.settling(START):
            self.models = on_final_scale(load_models(config, device), boundary)

    def ping(self) -> bool:
        """Answers once the actor is (again) ready for work."""
        return True

    def attribute(self, unit: WorkUnit, attempt: int) -> tuple[Attributed, HeatBatch]:
        """Images and heat maps of one unit, to be finished elsewhere, and what that took.

        Two Ray objects: the driver reads the small one and passes the large one on.
        """
        began = time.monotonic()
        name = unit_name(DATA, unit.shard)
        self.watch.begin(name)
        with self.watch.settling(name):
            batch, size = self.heat(unit, self.log.of(shard=unit.shard, attempt=attempt))
        return Attributed(time.monotonic() - began, size, device_kind(self.device)), batch

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """The whole unit here; the number of rows committed."""
        began = time.monotonic()
        name = unit_name(DATA, unit.shard)
        log = self.log.of(shard=unit.shard, attempt=attempt)
        self.watch.begin(name)
        with self.watch.settling(name):
            batch, size = self.heat(unit, log)
            done = Attributed(time.monotonic() - began, size, device_kind(self.device))
            return publish_unit(self.config, unit, self.models.scorer, batch, done, attempt, log)

    def heat(self, unit: WorkUnit, log: RunLog) -> tuple[HeatBatch, int]:
        """Images and heat maps of one unit, with the micro-batch that fitted."""
        return within_memory(
            self.config,
            "mask",
            log,
            lambda config: phase("mask", "attribute")(attribute_unit)(self.models, config, self.boundary, unit),
        )


def finish_unit(
    config: RunConfig,
    unit: WorkUnit,
    attributed: Attributed,
    batch: HeatBatch,
    attempt: int,
    ledger: Any,
    boundary: Boundary,
) -> int:
    """Ray task: heat maps -> committed shard, on a CPU; the number of rows committed."""
    log_to_stderr()
    prepare_process("cpu", config.generator)
    name = unit_name(DATA, unit.shard)
    log = run_log(__name__, config, DATA).of(shard=unit.shard, attempt=attempt)
    watch = Watch(ledger)
    watch.begin(name)
    with watch.settling(name):
        scorer = calibrated(make_scorer(config.scorer), boundary.metrics)
        return publish_unit(config, unit, scorer, batch, attributed, attempt, log)


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
        path=data_path(split, number, of),
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


def backoff_s(attempt: int) -> float:
    """Seconds to wait after the attempt-th failure: 1, 2, 4, … at most 30."""
    return float(min(30, 2 ** (attempt - 1)))
