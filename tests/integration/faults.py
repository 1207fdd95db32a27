"""Workers that go wrong on purpose, for real: they replace the project's own classes and do the deed inside."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.workers.commit import publish_unit
from higan_cam.runtime.workers.label import LabelWorker
from higan_cam.runtime.workers.mask import MaskWorker, finish_unit
from higan_cam.types import WorkUnit

STATE = "HIGAN_CAM_FAULTS"


def die() -> None:
    """As from the kernel's out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    """A segmentation fault in C code."""
    ctypes.string_at(0)


def stop() -> None:
    """The whole process stands still; only SIGKILL or SIGCONT move it."""
    os.kill(os.getpid(), signal.SIGSTOP)


def sleep() -> None:
    """For ever, as a lock or a dead connection would make it."""
    while True:
        time.sleep(3600)


@dataclass(frozen=True)
class Plan:
    """What happens to which shard; `once`, across processes, where `markers` is a folder.

    Attributes:
        deeds: by shard.
        markers: folder that remembers what has happened; None repeats it every time.
    """

    deeds: dict[int, Callable[[], None]]
    markers: Path | None = None

    def strike(self, unit: WorkUnit) -> None:
        """Do to this unit what is planned."""
        deed = self.deeds.get(unit.shard)
        if deed is None:
            return
        if self.markers is not None:
            try:
                (self.markers / f"{deed.__name__}-{unit.shard}").touch(exist_ok=False)
            except FileExistsError:
                return
        deed()


def label_worker(*plans: Plan) -> type[LabelWorker]:
    """A labelling worker with those plans."""

    class FaultyLabelWorker(LabelWorker):
        def label(self, unit: WorkUnit, attempt: int, log: RunLog) -> dict[str, Any]:
            for plan in plans:
                plan.strike(unit)
            return super().label(unit, attempt, log)

    return FaultyLabelWorker


def mask_worker(plan: Plan) -> type[MaskWorker]:
    """A masking worker with that plan."""

    class FaultyMaskWorker(MaskWorker):
        def heat(self, unit: WorkUnit, log: RunLog) -> Any:
            plan.strike(unit)
            return super().heat(unit, log)

    return FaultyMaskWorker


def finisher(plan: Plan) -> Callable[..., int]:
    """A finishing task with that plan: the deed happens after the task has reported that it began."""

    def faulty_finish_unit(*arguments: Any) -> int:
        from higan_cam.runtime.workers import mask as workers

        def publish_or_not(config: Any, store: Any, work: Any, *rest: Any) -> int:
            plan.strike(work.unit)
            return publish_unit(config, store, work, *rest)

        with patch.object(workers, "publish_unit", publish_or_not):
            return finish_unit(*arguments)

    return faulty_finish_unit


def small_memory(kind: type, most: int) -> type:
    """A worker whose generator finds no memory for more than `most` images at a time: torch's own error."""

    class SmallWorker(kind):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            synthesize = self.models.generator.synthesize

            def within(w_plus: torch.Tensor, *rest: Any, **others: Any) -> Any:
                if len(w_plus) > most:
                    torch.empty(2**59)
                return synthesize(w_plus, *rest, **others)

            self.models.generator.synthesize = within

    return SmallWorker
