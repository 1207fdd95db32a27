"""`evaluate-pairs` from the command line, on rendered pairs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from higan_cam.config import RunConfig
from higan_cam.invert import calibrate
from higan_cam.manipulate import encode_boundary
from higan_cam.mask.student import StudentNetwork, save_student
from higan_cam.publish.images import encode_image
from higan_cam.rooms.photos import TUNING_SEED, photos
from higan_cam.runtime.preflight import weights_digests
from higan_cam.store import begin_run, open_store
from higan_cam.store.keys import boundary_keys
from higan_cam.types import Boundary
from tests.support.commands import Command


@pytest.fixture
def student(tmp_path: Path) -> str:
    """The file of one that has learned nothing."""
    path = tmp_path / "student.safetensors"
    save_student(path, StudentNetwork((4, 6)), 32, "indoor_lighting")
    return str(path)


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    """Three rooms with their lamps off and on, and a fourth that was photographed off alone."""
    store = open_store(tmp_path / "pairs")
    for state, lamps in (("off", False), ("on", True)):
        for index, room in enumerate(photos(TUNING_SEED, 3, "G1", lamps, size=64)):
            store.put(f"{state}/{index}.png", encode_image(room.image))
    store.put("off/alone.png", store.get("off/0.png"))
    return str(tmp_path / "pairs")


def test_what_was_found_is_a_table_and_a_file(higan_cam: Command, pairs: str, student: str, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    status, told, _ = higan_cam("evaluate-pairs", pairs, "--student", student, "--json", str(figures))
    assert status == 0
    assert "prior: mean_of_others" in told
    assert "3 pairs in the layout 'off-on', squares of 32 px; no inversion: --run names" in told
    assert "left out: off/alone.png, -: no picture of it with the lamp on" in told
    found = json.loads(figures.read_text())
    assert {row["method"] for row in found["rows"]} == {"student", "centre_gaussian", "brightest", "mean_of_others"}
    assert found["left_out"] == [
        {"off": "off/alone.png", "on": None, "reason": "no picture of it with the lamp on"},
    ]


def test_an_unknown_layout_is_named_with_the_nearest(higan_cam: Command, pairs: str, student: str) -> None:
    status, _, told = higan_cam("evaluate-pairs", pairs, "--student", student, "--layout", "lonof")
    assert status == 2
    assert "Did you mean 'lonoff'?" in told


@pytest.mark.slow
def test_a_run_brings_inversion(
    higan_cam: Command,
    pairs: str,
    student: str,
    config: RunConfig,
    boundary: Boundary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nearly all of the test's time was the calibration, by 128 samples.
    monkeypatch.setattr(calibrate, "__kwdefaults__", {**(calibrate.__kwdefaults__ or {}), "samples": 8})
    store = open_store(tmp_path / "run")
    begin_run(store, config, weights_digests(config))
    for key, body in zip(boundary_keys(config), encode_boundary(boundary), strict=True):
        store.put(key, body)
    quick = ("--set", "invert.method=optimise", "--set", "invert.steps=1")
    status, told, error = higan_cam(
        "evaluate-pairs", pairs, "--student", student, "--run", str(tmp_path / "run"), *quick
    )
    assert (status, error) == (0, "")
    assert "│ inversion " in told
    (verdicts,) = re.findall(r"; inversions: ([^.]*)\.", told)
    assert sum(int(count) for count in re.findall(r"\d+", verdicts)) == 3, verdicts


@pytest.mark.parametrize("given", [["--absent"], ["--run", "runs/demo"]])
def test_recommend_says_that_absent_and_run_go_together(higan_cam: Command, given: list[str], tmp_path: Path) -> None:
    status, _, told = higan_cam("recommend", str(tmp_path), str(tmp_path / "places"), *given)
    assert status == 2
    assert "--absent and --run RUN go together" in told
