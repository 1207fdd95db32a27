"""The Ray Data actor that labels: one unit at a time, committed by the worker itself."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    import numpy as np

    from higan_cam.pipeline import label_unit, load_models
    from higan_cam.store import quarantine_shard
from higan_cam.runtime.crew.ledger import Verdict, backoff_s
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import plan_label, unit_name
from higan_cam.runtime.workers.commit import Work, commit_scores, quarantine_details
from higan_cam.runtime.workers.memory import within_memory
from higan_cam.runtime.workers.worker import Worker
from higan_cam.store.keys import SCORES
from higan_cam.types import WorkUnit

GIVEN_UP = -1
"""Index that stands for a unit without scores: Ray Data passes no empty blocks on."""


class LabelWorker(Worker):
    """Ray Data actor: a row with a unit's number -> the unit's (index, score) rows. Images never leave it."""

    stage = SCORES
    quarantines: ClassVar[bool] = True
    """Whether a unit that it gives up is given up for good."""

    def load(self) -> None:
        """The plan and the run's networks."""
        self.plan = plan_label(self.config)
        self.models = load_models(self.config, self.device)

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
        done = self.done(time.monotonic() - began, size)
        indices, scores = commit_scores(self.config, self.store, Work(unit, attempt, log), labelled, done)
        return {"index": indices, "score": scores}

    def give_up(self, unit: WorkUnit, verdict: Verdict) -> dict[str, Any]:
        """Quarantine the unit, and say so in one row."""
        quarantine_shard(self.store, SCORES, unit.shard, quarantine_details(verdict))
        return {"index": np.array([GIVEN_UP], np.int64), "score": np.array([np.nan], np.float32)}
