"""A refined run's own student: in the store, told from any other by the sha256 in run.json."""

from __future__ import annotations

from dataclasses import replace

from higan_cam.config import RunConfig
from higan_cam.errors import StoreError
from higan_cam.mask.student import Student, decode_student
from higan_cam.pipeline import Models
from higan_cam.store import Store
from higan_cam.store.canonical import digest
from higan_cam.store.keys import RUN_KEY, STUDENT_KEY
from higan_cam.store.run import recorded_student


def read_student(store: Store) -> Student | None:
    """The student that the run has trained; None before that, and in a run that is not refined.

    Raises:
        StoreError: it is not there any more, or another one is.
    """
    wanted = recorded_student(store)
    if wanted is None:
        return None
    body = store.find(STUDENT_KEY)
    if body is None or digest(body) != wanted:
        found = "is missing" if body is None else f"has sha256 {digest(body)}"
        raise StoreError(
            f"{store.uri}/{STUDENT_KEY} {found}, and {RUN_KEY} names {wanted}: restore it, or remove it and run the "
            "same command again, which trains it again from the pilot"
        )
    return decode_student(body, f"{store.uri}/{STUDENT_KEY}")


def with_own_student(models: Models, config: RunConfig, store: Store) -> Models:
    """The networks, with the run's student where its masks are refined and it is there; raises as `read_student`."""
    return models if config.mask.refine is None else replace(models, student=read_student(store))
