"""The Ray actor that masks, and the task that finishes on a CPU what it began on a GPU."""

from __future__ import annotations

import time
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig
    from higan_cam.label import calibrated, make_scorer
    from higan_cam.pipeline import HeatBatch, load_models, on_final_scale
    from higan_cam.pipeline.devices import prepare_process
    from higan_cam.pipeline.finishing import judge_of
    from higan_cam.pipeline.units import heat_unit
    from higan_cam.store import open_store
    from higan_cam.store.run import recorded_floor

from higan_cam.runtime.crew.watch import Watch
from higan_cam.runtime.logs import RunLog, log_to_stderr, run_log
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import unit_name
from higan_cam.runtime.workers.commit import Attributed, Work, computing, publish_unit
from higan_cam.runtime.workers.inputs import read_codes
from higan_cam.runtime.workers.memory import within_memory
from higan_cam.runtime.workers.student import with_own_student
from higan_cam.runtime.workers.worker import Worker
from higan_cam.store.keys import DATA, PILOT
from higan_cam.types import Boundary, WorkUnit


class MaskWorker(Worker):
    """Ray actor: a unit -> heat maps, or all the way to a committed shard of the dataset."""

    stage = DATA

    def __init__(self, config: RunConfig, boundary: Boundary, device: str, ledger: Any) -> None:
        self.boundary = boundary
        super().__init__(config, device, ledger)

    def load(self) -> None:
        """The run's networks, with scores on the final scale, and its second scorer; the floor."""
        self.computing = computing(self.config, self.stage, self.store)
        models = with_own_student(load_models(self.config, self.device), self.computing, self.store)
        self.judge = judge_of(self.config, models.scorer)
        self.models = on_final_scale(models, self.boundary)
        self.floor = recorded_floor(self.store)

    def attribute(self, unit: WorkUnit, attempt: int) -> tuple[Attributed, HeatBatch]:
        """Images and heat maps of one unit, to be finished elsewhere, and what that took.

        Two Ray objects: the driver reads the small one and passes the large one on.
        """
        began = time.monotonic()
        with self.at_work(unit, attempt) as work:
            batch, size = self.heat(unit, work.log)
        return self.done(time.monotonic() - began, size), batch

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """The whole unit here; the number of rows committed."""
        began = time.monotonic()
        with self.at_work(unit, attempt) as work:
            batch, size = self.heat(unit, work.log)
            done = self.done(time.monotonic() - began, size)
            return publish_unit(self.config, self.store, work, self.models.scorer, batch, done, self.stage, self.judge)

    def heat(self, unit: WorkUnit, log: RunLog) -> tuple[HeatBatch, int]:
        """Images and heat maps of one unit, with the micro-batch that fitted."""
        codes = read_codes(self.config, self.store, unit.shard)
        return within_memory(
            self.computing,
            "mask",
            log,
            lambda config: phase("mask", "attribute")(heat_unit)(
                self.models, config, self.boundary, unit, codes, self.floor
            ),
        )


class PilotWorker(MaskWorker):
    """The same for a shard of a refined run's pilot, whose masks are not refined."""

    stage = PILOT


def finish_unit(
    config: RunConfig,
    unit: WorkUnit,
    attributed: Attributed,
    batch: HeatBatch,
    attempt: int,
    ledger: Any,
    boundary: Boundary,
    *,
    stage: str = DATA,
) -> int:
    """Ray task: heat maps -> committed shard of the dataset, on a CPU; the number of rows committed."""
    log_to_stderr()
    prepare_process("cpu", config.generator)
    name = unit_name(stage, unit.shard)
    work = Work(unit, attempt, run_log(__name__, config, stage).of(shard=unit.shard, attempt=attempt))
    watch = Watch(ledger)
    watch.begin(name)
    with watch.settling(name):
        scorer = calibrated(make_scorer(config.scorer), boundary.metrics)
        store = open_store(config.output, config.store)
        return publish_unit(config, store, work, scorer, batch, attributed, stage)


def finish_pilot(*arguments: Any) -> int:
    """The same for a shard of a pilot."""
    return finish_unit(*arguments, stage=PILOT)
