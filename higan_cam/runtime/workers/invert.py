"""The Ray actor that inverts: a unit of pictures -> a committed shard of codes."""

from __future__ import annotations

import time
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig
    from higan_cam.invert import Calibration
    from higan_cam.pictures import frozen_listing
    from higan_cam.pipeline import load_models
    from higan_cam.pipeline.devices import device_kind, prepare_process
    from higan_cam.pipeline.inverting import calibrate_run, invert_unit, load_inverter
    from higan_cam.store import open_store

from higan_cam.runtime.crew.ledger import START
from higan_cam.runtime.crew.watch import Watch
from higan_cam.runtime.logs import log_to_stderr, run_log
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import unit_name
from higan_cam.runtime.workers.commit import Attributed, Work, commit_codes
from higan_cam.runtime.workers.inputs import pictures_of, read_calibration
from higan_cam.runtime.workers.memory import within_memory
from higan_cam.store.keys import CODES
from higan_cam.types import WorkUnit


class InvertWorker:
    """Ray actor: a unit -> its pictures' codes, committed."""

    def __init__(self, config: RunConfig, device: str, ledger: Any) -> None:
        log_to_stderr()
        prepare_process(device, config.generator)
        self.config, self.device = config, device
        self.log = run_log(__name__, config, CODES)
        self.watch = Watch(ledger)
        self.watch.begin(START)
        with self.watch.settling(START):
            self.models = load_models(config, device)
            self.store = open_store(config.output, config.store)
            self.inverter = load_inverter(self.models, config, read_calibration(self.store))
            self.listing = frozen_listing(self.store)

    def ping(self) -> bool:
        """Answers once the actor is (again) ready for work."""
        return True

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """Read, invert, commit; the number of pictures, readable or not."""
        began = time.monotonic()
        name = unit_name(CODES, unit.shard)
        work = Work(unit, attempt, self.log.of(shard=unit.shard, attempt=attempt))
        self.watch.begin(name)
        with self.watch.settling(name):
            rows = [self.listing[index] for index in unit.indices]
            codes, size = within_memory(
                self.config,
                "invert",
                work.log,
                lambda config: phase("invert", "invert")(invert_unit)(
                    self.models, config, self.inverter, rows, pictures_of(config, self.store).read
                ),
            )
            done = Attributed(time.monotonic() - began, size, device_kind(self.device))
            return commit_codes(self.config, self.store, work, codes, done)


def calibrate_here(config: RunConfig) -> Calibration:
    """Ray task, on a CPU: how well the run's generator draws its own samples again."""
    log_to_stderr()
    prepare_process("cpu", config.generator)
    return calibrate_run(load_models(config), config)
