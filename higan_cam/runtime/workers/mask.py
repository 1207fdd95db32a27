"""The Ray actor that masks, and the task that finishes on a CPU what it began on a GPU."""

from __future__ import annotations

import time
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig
    from higan_cam.label import calibrated, make_scorer
    from higan_cam.pipeline import HeatBatch, load_models, on_final_scale
    from higan_cam.pipeline.devices import device_kind, prepare_process
    from higan_cam.pipeline.units import heat_unit
    from higan_cam.store import open_store
    from higan_cam.store.run import recorded_floor

from higan_cam.runtime.crew.ledger import START
from higan_cam.runtime.crew.watch import Watch
from higan_cam.runtime.logs import RunLog, log_to_stderr, run_log
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import unit_name
from higan_cam.runtime.workers.commit import Attributed, Work, publish_unit
from higan_cam.runtime.workers.inputs import read_codes
from higan_cam.runtime.workers.memory import within_memory
from higan_cam.store.keys import DATA
from higan_cam.types import Boundary, WorkUnit


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
            self.store = open_store(config.output, config.store)
            self.floor = recorded_floor(self.store)

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
        work = Work(unit, attempt, self.log.of(shard=unit.shard, attempt=attempt))
        self.watch.begin(name)
        with self.watch.settling(name):
            batch, size = self.heat(unit, work.log)
            done = Attributed(time.monotonic() - began, size, device_kind(self.device))
            return publish_unit(self.config, self.store, work, self.models.scorer, batch, done)

    def heat(self, unit: WorkUnit, log: RunLog) -> tuple[HeatBatch, int]:
        """Images and heat maps of one unit, with the micro-batch that fitted."""
        codes = read_codes(self.config, self.store, unit.shard)
        return within_memory(
            self.config,
            "mask",
            log,
            lambda config: phase("mask", "attribute")(heat_unit)(
                self.models, config, self.boundary, unit, codes, self.floor
            ),
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
    work = Work(unit, attempt, run_log(__name__, config, DATA).of(shard=unit.shard, attempt=attempt))
    watch = Watch(ledger)
    watch.begin(name)
    with watch.settling(name):
        scorer = calibrated(make_scorer(config.scorer), boundary.metrics)
        return publish_unit(config, open_store(config.output, config.store), work, scorer, batch, attributed)
