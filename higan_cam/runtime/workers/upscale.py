"""The Ray actor that enlarges: a unit of pictures -> a committed shard of larger ones."""

from __future__ import annotations

import time

from higan_cam.errors import WeightsError
from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.pictures import frozen_listing
    from higan_cam.publish.redrawn.upscaled import encode_upscaled
    from higan_cam.redraw.unit import upscale_unit
    from higan_cam.redraw.upscaler import load_upscaler

from higan_cam.runtime.metrics import phase
from higan_cam.runtime.workers.commit import commit_upscaled
from higan_cam.runtime.workers.inputs import pictures_of
from higan_cam.runtime.workers.worker import Worker
from higan_cam.store import read_run
from higan_cam.store.keys import RUN_KEY, UPSCALED
from higan_cam.types import WorkUnit
from higan_cam.weights.files import sha256_of


class UpscaleWorker(Worker):
    """Ray actor: a unit -> its pictures, larger, committed."""

    stage = UPSCALED

    def load(self) -> None:
        """The network, the listing. WeightsError: the file here is not the one that run.json names."""
        file, wanted = str(self.config.upscale.weights), read_run(self.store)["weights"]["upscaler"]
        found = sha256_of(file)
        if found != wanted:
            raise WeightsError(
                f"{file} has sha256 {found}, and {RUN_KEY} names {wanted}: have the same file on every node, or take "
                "another output"
            )
        self.upscaler = load_upscaler(file).on(self.device)
        self.listing = frozen_listing(self.store)

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """Read, enlarge, commit; the number of pictures, readable or not."""
        began, config = time.monotonic(), self.config
        with self.at_work(unit, attempt) as work:
            rows = [self.listing[index] for index in unit.indices]
            larger = upscale_unit(self.upscaler, config.upscale.tile, rows, pictures_of(config, self.store).read)
            body = phase("upscale", "upscale")(encode_upscaled)(larger)
            return commit_upscaled(config, self.store, work, body, self.done(time.monotonic() - began))
