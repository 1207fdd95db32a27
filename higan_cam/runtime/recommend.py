"""`higan-cam recommend`: a student's answer for every picture of a listing. No generator, no scorer, no boundary.

The same engine as a run's: claimed output, lease, frozen listing, shards committed exactly once, the same command goes
on from what is there.
"""

from __future__ import annotations

import time

from rich.console import Console

from higan_cam.config import LightConfig, RunConfig, config_hash
from higan_cam.mask.student import Student, load_student
from higan_cam.pipeline.bank import bank_shards, freeze_bank
from higan_cam.publish.reading import fingerprint
from higan_cam.publish.report.students.places import write_places_report
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.cluster.join import cluster
from higan_cam.runtime.cluster.reach import check_reachable
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.run import Outcome
from higan_cam.runtime.stages.invert import with_listing
from higan_cam.runtime.stages.pool import Task, make_shards
from higan_cam.runtime.workers.recommend import RecommendWorker
from higan_cam.store import Lease, Store, begin_run, open_store
from higan_cam.store.keys import PLACES
from higan_cam.store.manifest import quarantine_lines
from higan_cam.types import ShardRecord
from higan_cam.weights.embedded import EMBEDDED_STUDENTS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.zoo import weights_file


def recommend(config: RunConfig, console: Console | None = None, head: Head | None = None) -> Outcome:
    """Places in every picture of `config.source`, and a report of them.

    Raises:
        HiganCamError: configuration, weights or store problems; what is already written stays.
        LeaseHeldError: another driver is at work on this output.
    """
    config = config.model_copy(update={"light": LightConfig()})  # of another command
    student = load_student(config.student.weights)  # what is wrong with it is said before anything is written
    run, shards = _bank_of(config, student)
    if head is None:
        check_reachable(config.runtime)
    store = open_store(config.output, config.store)
    config = config.model_copy(update={"output": store.uri})
    digests = {"student": sha256_of(weights_file(config.student.weights, EMBEDDED_STUDENTS))}
    begin_run(store, config, digests | ({"bank": fingerprint(shards)} if shards else {}))
    lease = Lease(store, config.runtime.lease_s, config.runtime.lease_wait_s)
    meters = Meters(console or Console(), lease.check, config_hash(config)[:12])
    outcome, began = Outcome(store), time.monotonic()
    with lease.held(meters.snapshot):
        config = with_listing(config, store)
        if run is not None:
            freeze_bank(store, run, shards, student)
        with cluster(config.runtime, head):
            on_cpus = config.model_copy(update={"runtime": config.runtime.model_copy(update={"gpus_per_worker": 0})})
            make_shards(on_cpus, store, Task(stage=PLACES, worker=RecommendWorker), plan_mask(config), meters)
        lease.check()
        write_places_report(config, store, student.attribute)
        outcome.seconds["recommend"] = time.monotonic() - began
        outcome.samples["recommend"] = meters.tallies["recommend"].done
        outcome.problems = quarantine_lines(store)
    return outcome


def _bank_of(config: RunConfig, student: Student) -> tuple[Store | None, list[ShardRecord]]:
    """The run whose samples pictures are compared with, and those of its shards that are; none where none is named."""
    if config.student.bank is None:
        return None, []
    run = open_store(config.student.bank, config.store)
    return run, bank_shards(run, student)
