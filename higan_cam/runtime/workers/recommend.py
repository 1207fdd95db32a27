"""The Ray actor that recommends: a unit of pictures -> a committed shard of places."""

from __future__ import annotations

import time

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.mask.student import load_student
    from higan_cam.pictures import frozen_listing
    from higan_cam.pipeline.bank import read_bank
    from higan_cam.pipeline.recommend import recommend_unit
    from higan_cam.publish.places import encode_places

from higan_cam.runtime.metrics import phase
from higan_cam.runtime.workers.commit import commit_places
from higan_cam.runtime.workers.inputs import pictures_of
from higan_cam.runtime.workers.worker import Worker
from higan_cam.store.keys import PLACES
from higan_cam.types import WorkUnit


class RecommendWorker(Worker):
    """Ray actor: a unit -> its pictures' places, committed."""

    stage = PLACES

    def load(self) -> None:
        """The student, the listing, the run that pictures are compared with."""
        self.student = load_student(self.config.student.weights)
        self.listing = frozen_listing(self.store)
        self.bank = None if self.config.student.bank is None else read_bank(self.store)

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """Read, ask the student, commit; the number of pictures, readable or not."""
        began = time.monotonic()
        with self.at_work(unit, attempt) as work:
            rows = [self.listing[index] for index in unit.indices]
            read = pictures_of(self.config, self.store).read
            answers = recommend_unit(self.student, self.config, rows, read, self.bank)
            body = phase("recommend", "recommend")(encode_places)(answers, self.config.publish.row_group)
            return commit_places(self.config, self.store, work, body, self.done(time.monotonic() - began))
