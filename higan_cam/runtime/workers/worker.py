"""What the Ray actor of every stage has: a prepared process, a log, the watch over its units, the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig
    from higan_cam.pipeline.devices import device_kind, prepare_process
    from higan_cam.store import open_store

from higan_cam.runtime.crew.ledger import START
from higan_cam.runtime.crew.watch import Watch
from higan_cam.runtime.logs import log_to_stderr, run_log
from higan_cam.runtime.plan import unit_name
from higan_cam.runtime.workers.commit import Attributed, Work
from higan_cam.types import WorkUnit


class Worker:
    """One process that makes units of a stage; a stage says in `load` what it needs, and has a method per kind of work.

    Attributes:
        stage: as keys call it.
    """

    stage: ClassVar[str]

    def __init__(self, config: RunConfig, device: str, ledger: Any) -> None:
        log_to_stderr()
        prepare_process(device, config.generator)
        self.config, self.device = config, device
        self.log = run_log(type(self).__module__, config, self.stage)
        self.watch = Watch(ledger)
        self.watch.begin(START)
        with self.watch.settling(START):
            self.store = open_store(config.output, config.store)
            self.load()

    def load(self) -> None:
        """Networks, and whatever else is the same for all units; counts as the start, with its own time limit."""

    def ping(self) -> bool:
        """Answers once the actor is (again) ready for work."""
        return True

    @contextmanager
    def at_work(self, unit: WorkUnit, attempt: int) -> Iterator[Work]:
        """One attempt at a unit, as the watch sees it."""
        name = unit_name(self.stage, unit.shard)
        self.watch.begin(name)
        with self.watch.settling(name):
            yield Work(unit, attempt, self.log.of(shard=unit.shard, attempt=attempt))

    def done(self, seconds: float, micro_batch: int = 1) -> Attributed:
        """What is recorded of the device's part of a unit."""
        return Attributed(seconds, micro_batch, device_kind(self.device))
