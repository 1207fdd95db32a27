"""The Ray actor that inverts: a unit of pictures -> a committed shard of codes."""

from __future__ import annotations

import time

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig
    from higan_cam.invert import Calibration
    from higan_cam.pictures import frozen_listing
    from higan_cam.pipeline import load_models
    from higan_cam.pipeline.devices import prepare_process
    from higan_cam.pipeline.inverting import calibrate_run, invert_unit, load_inverter

from higan_cam.runtime.logs import log_to_stderr
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.workers.commit import commit_codes
from higan_cam.runtime.workers.inputs import pictures_of, read_calibration
from higan_cam.runtime.workers.memory import within_memory
from higan_cam.runtime.workers.worker import Worker
from higan_cam.store.keys import CODES
from higan_cam.types import WorkUnit


class InvertWorker(Worker):
    """Ray actor: a unit -> its pictures' codes, committed."""

    stage = CODES

    def load(self) -> None:
        """The run's networks, the inverter, the listing."""
        self.models = load_models(self.config, self.device)
        self.inverter = load_inverter(self.models, self.config, read_calibration(self.store))
        self.listing = frozen_listing(self.store)

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """Read, invert, commit; the number of pictures, readable or not."""
        began = time.monotonic()
        with self.at_work(unit, attempt) as work:
            rows = [self.listing[index] for index in unit.indices]
            codes, size = within_memory(
                self.config,
                "invert",
                work.log,
                lambda config: phase("invert", "invert")(invert_unit)(
                    self.models, config, self.inverter, rows, pictures_of(config, self.store).read
                ),
            )
            return commit_codes(self.config, self.store, work, codes, self.done(time.monotonic() - began, size))


def calibrate_here(config: RunConfig) -> Calibration:
    """Ray task, on a CPU: how well the run's generator draws its own samples again."""
    log_to_stderr()
    prepare_process("cpu", config.generator)
    return calibrate_run(load_models(config), config)
