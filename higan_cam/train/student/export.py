"""From a finished training run to what it leaves: weights, ONNX where that is installed, figures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from higan_cam.files import write_whole
from higan_cam.mask.student import Student, load_student, save_student
from higan_cam.mask.student.to_onnx import onnx_bytes, onnx_problem
from higan_cam.store.store import open_store
from higan_cam.train.files import json_text
from higan_cam.train.settings import Report, World
from higan_cam.train.student.agreement import agreement
from higan_cam.train.student.fit import fit_student
from higan_cam.train.student.lessons import Lesson, read_all
from higan_cam.train.student.settings import StudentSettings

log = logging.getLogger(__name__)
WEIGHTS, ONNX, FIGURES = "student.safetensors", "student.onnx", "metrics.json"


def train_and_export_student(settings: StudentSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write the weights, student.onnx (where `onnx` is installed) and metrics.json.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings; labelled pictures that cannot be used.
        StoreError, DataError: a dataset cannot be read, or has nothing to learn from or to be tested on.
    """
    tests: list[Lesson] = []
    if world.rank == 0:  # before the training, not after it
        tests = read_all([open_store(uri) for uri in settings.datasets], "test", settings.side)
    trained = fit_student(settings, report, world)
    if world.rank != 0:
        return
    output = Path(settings.output)
    save_student(output / WEIGHTS, trained, settings.side, settings.attribute)
    student = load_student(output / WEIGHTS)  # what is measured is what is left
    problem = onnx_problem()
    if problem is None:
        write_whole(output / ONNX, onnx_bytes(student))
    else:
        log.warning("onnx=none: %s", problem)
    write_whole(output / FIGURES, json_text(measure(settings, student, tests[: settings.held_out])))


def measure(settings: StudentSettings, student: Student, tests: list[Lesson]) -> dict[str, Any]:
    """The contents of metrics.json: what was trained on what, and how far the student agrees with held-out labels."""
    facts = {
        "attribute": settings.attribute,
        "runs": len(settings.datasets),
        "test samples": len(tests),
        "side in px": settings.side,
        "parameters": sum(parameter.numel() for parameter in student.network.parameters()),
        "training steps": settings.steps,
        "pictures per step": settings.batch,
    }
    return {"facts": facts, "agreement with held-out masks": agreement(student, tests) if tests else {}}
