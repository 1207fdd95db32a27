"""The student of a refined run: learned from the run's own pilot, to be the heat of all its samples.

The same training as `jobs/train_student.py`, on the same kind of samples, shown in the same ways. It will look at the
generator's own pictures alone, which no camera spoils; but the best figures that there are (`mask/README.md`) are those
of a student that has seen spoilt ones.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import DataError
from higan_cam.mask.student import encode_student
from higan_cam.pipeline.devices import prepare_process
from higan_cam.publish.splits import held_out_of_pilot
from higan_cam.runtime.logs import log_to_stderr
from higan_cam.store.keys import PILOT
from higan_cam.store.manifest import committed
from higan_cam.store.store import Store, open_store
from higan_cam.train.settings import Progress, World
from higan_cam.train.student.batches import Course
from higan_cam.train.student.fit import fit_student
from higan_cam.train.student.lessons import Lesson, lessons_in
from higan_cam.train.student.settings import StudentSettings

log = logging.getLogger(__name__)


def learn(config: RunConfig, device: str) -> bytes:
    """In a process of its own: the student, in safetensors, that learns from the run's committed pilot on that device.

    It begins at the first step whatever was before: checkpoints lie in a folder that goes with the process. The same
    pilot gives the same bytes on one kind of device.

    Raises:
        StoreError: a shard of the pilot cannot be read.
        DataError: no sample that may be learned from has a mask.
    """
    log_to_stderr()
    prepare_process(device, config.generator)
    store = open_store(config.output, config.store)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(settings_of(config), output=folder)
        course = Course(pilot_lessons(config, store, settings.side))
        log.info("a student learns from %d samples of the pilot in %d steps", len(course), settings.steps)
        network = fit_student(settings, _say, World(device=device), course)
    return encode_student(network, settings.side, settings.attribute)


def settings_of(config: RunConfig) -> StudentSettings:
    """What its training is told, but for the folder of checkpoints."""
    return StudentSettings(
        output="",
        datasets=(config.output,),
        attribute=config.attribute,
        steps=config.mask.pilot_steps,
        precision="float32",  # where a processor does not multiply in bfloat16, that takes 2.7 times as long
        checkpoint_every=config.mask.pilot_steps,  # nobody goes on from one
        seed=config.seed,
    )


def pilot_lessons(config: RunConfig, store: Store, side: int) -> list[Lesson]:
    """The pilot's samples that may be learned from and have a mask, by shard; raises as `learn`."""
    records = committed(store, PILOT, config_hash(config))
    held_out = held_out_of_pilot(-(-config.mask.pilot // config.mask.shard_size))
    lessons = list(lessons_in(store, [records[shard] for shard in sorted(records) if shard not in held_out], side))
    if not lessons:
        raise DataError(
            f"{store.uri}: no sample of the pilot has a mask to learn from ({len(records)} shards); "
            "look at them with mask.refine=null first"
        )
    return lessons


def _say(progress: Progress) -> None:
    log.info("stage=student step=%d/%d loss=%.4g", progress.step, progress.of, progress.metrics["loss"])
