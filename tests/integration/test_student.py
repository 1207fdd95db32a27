"""The student's command through real Ray Train: it goes on after a stop, and ends with the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from higan_cam.mask.student import load_student
from higan_cam.mask.student.to_onnx import onnx_problem
from higan_cam.store.store import open_store
from higan_cam.train.settings import Progress, World
from higan_cam.train.student.export import train_and_export_student
from higan_cam.train.student.labelled import labelled_fingerprint
from higan_cam.train.student.lessons import fingerprint
from higan_cam.train.student.settings import StudentSettings
from jobs.train_student import main
from tests.train.inpaint.planted import SIDE, write_planted
from tests.train.student.planted import write_labelled

pytestmark = [pytest.mark.integration, pytest.mark.slow]
STEPS = 12
LEFT = ("student.safetensors", "metrics.json", *(() if onnx_problem() else ("student.onnx",)))


def stop(progress: Progress) -> None:
    """At the first line of progress, after a checkpoint."""
    raise KeyboardInterrupt


@pytest.fixture
def settings(tmp_path: Path) -> StudentSettings:
    """A run and a labelled folder together."""
    store, mine = open_store(tmp_path / "run"), tmp_path / "mine"
    write_planted(store)
    write_labelled(mine)
    return StudentSettings(
        output=str(tmp_path / "whole"),
        datasets=(store.uri,),
        labelled=str(mine),
        lessons=fingerprint([store]) + labelled_fingerprint(mine),
        attribute="indoor_lighting",
        side=SIDE,
        steps=STEPS,
        batch=4,
        checkpoint_every=5,
    )


def test_the_command_goes_on_from_a_stop_to_the_same_result(
    settings: StudentSettings, tmp_path: Path, local_ray: None
) -> None:
    whole, cut = Path(settings.output), tmp_path / "cut"
    train_and_export_student(settings, lambda _: None, World())
    with pytest.raises(KeyboardInterrupt):
        train_and_export_student(replace(settings, output=str(cut)), stop, World())
    assert (cut / "checkpoint.pt").exists()
    assert not (cut / "metrics.json").exists()

    main(cut, dataset=list(settings.datasets), labelled=Path(settings.labelled), steps=STEPS, batch=4, side=SIDE)
    assert [name for name in LEFT if (cut / name).read_bytes() != (whole / name).read_bytes()] == []
    assert load_student(cut / LEFT[0]).attribute == "indoor_lighting"
