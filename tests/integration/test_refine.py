"""A refined run on a real local Ray: pilot, student, masks; stopped anywhere, it ends with the same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from higan_cam.config import RunConfig
from higan_cam.mask.student import load_student
from higan_cam.runtime.remake import remake_shards
from higan_cam.runtime.run import run_stages
from higan_cam.store import open_store, verify_run
from higan_cam.store.canonical import digest
from higan_cam.store.status import read_status
from higan_cam.train.student.refine import learn
from tests.support.small_runs import digests, session_folder

pytestmark = pytest.mark.integration
REFINED = (
    "label.count=80",
    "mask.count=8",
    "attribution.name=light_change",
    "mask.refine=student",
    "mask.pilot=12",
    "mask.pilot_steps=1",
)
Build = Callable[..., RunConfig]


@pytest.fixture(scope="session")
def refined_run(tmp_path_factory: pytest.TempPathFactory, local_ray: None, small_config: Build) -> Path:
    """One finished refined run: a pilot of three shards, one step of training, two shards of masks. Read only."""
    output = session_folder(tmp_path_factory) / "refined" / "run"
    with FileLock(f"{output.parent}.lock"):
        if not (output / "report" / "index.html").exists():
            assert run_stages(small_config(output, *REFINED), learn=learn).problems == []
    return output


def test_a_refined_run_holds_its_pilot_and_its_student_and_says_so(refined_run: Path) -> None:
    store, run = open_store(str(refined_run)), json.loads((refined_run / "run.json").read_text())
    body = (refined_run / "student" / "student.safetensors").read_bytes()
    assert run["student_sha256"] == digest(body)
    assert load_student(refined_run / "student" / "student.safetensors").attribute == "indoor_lighting"
    assert verify_run(store) == []
    status = read_status(store)
    assert (status.complete, status.student) == (True, True)
    assert [(stage.name, stage.done) for stage in status.stages] == [("label", 80), ("pilot", 12), ("mask", 8)]
    page, card = (refined_run / "report/index.html").read_text(), (refined_run / "README.md").read_text()
    assert "Both masks of 4 samples of the pilot that were held out" in page
    assert digest(body) in card


def stopped(output: Path, where: str) -> None:
    """Take away what a run that was killed there had not written yet."""
    gone = {
        "in the pilot": ["pilot/part-00002.parquet", "manifest/pilot-00002.json", "student", "data"],
        "in training": ["student", "data"],
        "before the digest": ["data"],
        "in the masks": ["data/train-00001-of-00002.parquet", "manifest/data-00001.json"],
    }[where]
    for name in [*gone, "report", "README.md"]:
        path = output / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if "data" in gone:
        for entry in (output / "manifest").glob("data-*"):
            entry.unlink()
        run = json.loads((output / "run.json").read_text())
        del run["student_sha256"]
        (output / "run.json").write_text(json.dumps(run))


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in the pilot", "in training", "before the digest", "in the masks"])
def test_a_run_that_was_stopped_ends_with_the_same_bytes(
    where: str, refined_run: Path, tmp_path: Path, small_config: Build
) -> None:
    """Elsewhere, as on another machine: all that it needs is in the store. With a student there, no trainer either."""
    output = tmp_path / "moved"
    shutil.copytree(refined_run, output)
    stopped(output, where)
    there = (output / "student").exists()
    assert run_stages(small_config(output, *REFINED), learn=None if there else learn).problems == []
    assert digests(output) == digests(refined_run)


@pytest.mark.slow
def test_shards_of_pilot_and_dataset_are_made_again(refined_run: Path) -> None:
    found = list(remake_shards(open_store(str(refined_run)), 99, tell=lambda _: None))
    assert {shard.verdict for shard in found} == {"identical"}
    assert {shard.path.split("/")[0] for shard in found} == {"scores", "pilot", "data"}


def test_a_refined_mask_is_not_that_of_the_pilot_but_the_pictures_are(refined_run: Path) -> None:
    import pyarrow.parquet as pq

    pilot = pq.read_table(refined_run / "pilot/part-00000.parquet")
    first = pq.read_table(refined_run / "data/train-00000-of-00002.parquet")
    assert pilot["index"].equals(first["index"])
    assert pilot["negative"].equals(first["negative"])
    assert not pilot["heat"].equals(first["heat"])
