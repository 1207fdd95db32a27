"""The Ray actor that recommends: a unit of pictures -> a committed shard of places."""

from __future__ import annotations

import time
from typing import Any

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig
    from higan_cam.mask.student import load_student
    from higan_cam.pictures import frozen_listing
    from higan_cam.pipeline.bank import read_bank
    from higan_cam.pipeline.devices import device_kind, prepare_process
    from higan_cam.pipeline.recommend import recommend_unit
    from higan_cam.publish.places import encode_places
    from higan_cam.store import open_store

from higan_cam.runtime.crew.ledger import START
from higan_cam.runtime.crew.watch import Watch
from higan_cam.runtime.logs import log_to_stderr, run_log
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import unit_name
from higan_cam.runtime.workers.commit import Attributed, Work, commit_places
from higan_cam.runtime.workers.inputs import pictures_of
from higan_cam.store.keys import PLACES
from higan_cam.types import WorkUnit


class RecommendWorker:
    """Ray actor: a unit -> its pictures' places, committed."""

    def __init__(self, config: RunConfig, device: str, ledger: Any) -> None:
        log_to_stderr()
        prepare_process(device, config.generator)
        self.config, self.device = config, device
        self.log = run_log(__name__, config, PLACES)
        self.watch = Watch(ledger)
        self.watch.begin(START)
        with self.watch.settling(START):
            self.student = load_student(config.student.weights)
            self.store = open_store(config.output, config.store)
            self.listing = frozen_listing(self.store)
            self.bank = None if config.student.bank is None else read_bank(self.store)

    def ping(self) -> bool:
        """Answers once the actor is (again) ready for work."""
        return True

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """Read, ask the student, commit; the number of pictures, readable or not."""
        began = time.monotonic()
        name = unit_name(PLACES, unit.shard)
        work = Work(unit, attempt, self.log.of(shard=unit.shard, attempt=attempt))
        self.watch.begin(name)
        with self.watch.settling(name):
            rows = [self.listing[index] for index in unit.indices]
            read = pictures_of(self.config, self.store).read
            answers = recommend_unit(self.student, self.config, rows, read, self.bank)
            body = phase("recommend", "recommend")(encode_places)(answers, self.config.publish.row_group)
            done = Attributed(time.monotonic() - began, 1, device_kind(self.device))
            return commit_places(self.config, self.store, work, body, done)
