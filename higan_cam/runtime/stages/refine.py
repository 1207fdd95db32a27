"""Before the masks of a refined run: a pilot, whose masks `attribution` makes, and the student that learns from them.

The student is in the store whole or not at all. What it learns from is committed shards, so that a run that is stopped
while it learns trains it again from the beginning, to the same bytes on the same kind of device.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import ray

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import ConfigError, QuarantinedError, StoreError
from higan_cam.runtime.cluster.join import resources
from higan_cam.runtime.plan import plan_crew, plan_pilot
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.pool import Task, make_shards
from higan_cam.runtime.workers.mask import PilotWorker, finish_pilot
from higan_cam.runtime.workers.student import read_student
from higan_cam.store import Store, committed
from higan_cam.store.canonical import digest
from higan_cam.store.keys import PILOT, STUDENT_KEY
from higan_cam.store.manifest import quarantine_lines
from higan_cam.store.run import record_student
from higan_cam.types import Boundary

log = logging.getLogger(__name__)
Learn = Callable[[RunConfig, str], bytes]
"""(configuration, device) -> the student in safetensors, learned from the run's committed pilot; called in a worker."""


def make_pilot(config: RunConfig, store: Store, boundary: Boundary, meters: Meters) -> None:
    """Make and commit every shard of the pilot that is not committed yet.

    Raises:
        QuarantinedError: some failed; without them the student would not be this run's student.
    """
    plan = plan_pilot(config)
    make_shards(config, store, pilot_task(boundary), plan, meters)
    missing = len(plan) - len(committed(store, PILOT, config_hash(config)))
    if missing:
        lines = "\n  ".join(quarantine_lines(store))
        raise QuarantinedError(
            f"{missing} shards of the pilot failed, and no student learns without them:\n  {lines}\n"
            "Run the same command again."
        )


def settle_student(config: RunConfig, store: Store, learn: Learn | None) -> None:
    """Train the run's student, if it is not there, and write its sha256 into run.json. The first one there counts.

    Raises:
        ConfigError: it has to be trained, and nothing that could was given.
        StoreError: the masks that are there are of another student.
    """
    body = store.find(STUDENT_KEY)
    if body is None:
        if learn is None:
            raise ConfigError("mask.refine: nothing to train the student with was given; `higan-cam run` brings it")
        store.put_new(STUDENT_KEY, _learned(config, learn))
        body = store.get(STUDENT_KEY)
    there = record_student(store, digest(body))
    if there != digest(body):
        raise StoreError(
            f"{store.uri}/{STUDENT_KEY} has sha256 {digest(body)}, but this run was masked with {there}, which another "
            "kind of device or other versions trained: restore that file, or choose another output"
        )
    read_student(store)


def pilot_task(boundary: Boundary) -> Task:
    """What the pilot's actors do."""
    return Task(stage=PILOT, worker=PilotWorker, arguments=(boundary,), finish=finish_pilot)


def _learned(config: RunConfig, learn: Learn) -> bytes:
    """As a task of the cluster: on a GPU where its workers have some, else on one core."""
    crew = plan_crew(config.runtime, *resources(), units=1)
    log.info("training the student: %d steps on the pilot, on %s", config.mask.pilot_steps, crew.device)
    body: bytes = ray.get(ray.remote(num_cpus=crew.cpus, num_gpus=crew.gpus)(learn).remote(config, crew.device))
    return body
