"""`higan-cam recommend`: a student's answer for every picture of a listing."""

from __future__ import annotations

from rich.console import Console

from higan_cam.config import LightConfig, RunConfig, UpscaleConfig
from higan_cam.mask.student import Student, load_student
from higan_cam.pipeline.bank import bank_shards, freeze_bank
from higan_cam.publish.reading import fingerprint
from higan_cam.publish.report.students.places import write_places_report
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.listed import on_listed_pictures
from higan_cam.runtime.run import Outcome
from higan_cam.runtime.stages.pool import Task
from higan_cam.runtime.workers.recommend import RecommendWorker
from higan_cam.store import Store, open_store
from higan_cam.store.keys import PLACES
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
    others = {"light": LightConfig(), "upscale": UpscaleConfig()}  # of other commands
    config = config.model_copy(update=others)
    student = load_student(config.student.weights)  # what is wrong with it is said before anything is written
    run, shards = _bank_of(config, student)
    digests = {"student": sha256_of(weights_file(config.student.weights, EMBEDDED_STUDENTS))}

    def freeze(store: Store) -> None:
        if run is not None:
            freeze_bank(store, run, shards, student)

    return on_listed_pictures(
        config,
        Task(stage=PLACES, worker=RecommendWorker),
        digests | ({"bank": fingerprint(shards)} if shards else {}),
        lambda config, store: write_places_report(config, store, student.attribute),
        console or Console(),
        head,
        prepare=freeze,
    )


def _bank_of(config: RunConfig, student: Student) -> tuple[Store | None, list[ShardRecord]]:
    """The run whose samples pictures are compared with, and those of its shards that are; none where none is named."""
    if config.student.bank is None:
        return None, []
    run = open_store(config.student.bank, config.store)
    return run, bank_shards(run, student)
