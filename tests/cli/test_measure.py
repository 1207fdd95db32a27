"""`rescore` and `benchmark-masks` from the command line, on the embedded networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from higan_cam.config import RunConfig
from higan_cam.manipulate import encode_boundary, save_boundary
from higan_cam.runtime.preflight import weights_digests
from higan_cam.store import begin_run, open_store
from higan_cam.store.keys import boundary_keys
from higan_cam.types import Boundary
from tests.support.commands import Command


@pytest.fixture
def fitted(config: RunConfig, boundary: Boundary, tmp_path: Path) -> Path:
    """A run that has its boundary and nothing else."""
    output = tmp_path / "run"
    store = open_store(output)
    begin_run(store, config, weights_digests(config))
    for key, body in zip(boundary_keys(config), encode_boundary(boundary), strict=True):
        store.put(key, body)
    return output


@pytest.mark.slow
def test_rescore_names_the_carriers_and_what_else_moves(
    higan_cam: Command, fitted: Path, boundary: Boundary, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    other = rng.standard_normal(len(boundary.normal)).astype(np.float32)
    noise = Boundary(other / np.linalg.norm(other), 0.0, "w", boundary.layers, "noise")
    file, _ = save_boundary(noise, tmp_path / "others")
    status, told, error = higan_cam("rescore", str(fitted), "--samples", "6", "--boundary", str(file))
    assert (status, error) == (0, "")
    assert "four fifths of the sum: rows" in told
    found = json.loads((fitted / "report/rescoring.json").read_text())["boundaries"]
    lighting, others = found["indoor_lighting"], found["noise"]
    assert lighting["overall"] > 1.5 * others["overall"]
    assert lighting["cosines"]["indoor_lighting"] == pytest.approx(1, abs=1e-6)
    assert lighting["entangled"]["luminance"] > 2 * abs(others["entangled"]["luminance"])
    assert (fitted / "report/rescoring.png").read_bytes().startswith(b"\x89PNG")


def test_rescore_without_a_boundary_says_how_to_get_one(higan_cam: Command, config: RunConfig, tmp_path: Path) -> None:
    begin_run(open_store(tmp_path / "run"), config, weights_digests(config))
    status, _, told = higan_cam("rescore", str(tmp_path / "run"))
    assert status == 1
    assert "`higan-cam fit`" in told


@pytest.mark.slow
def test_benchmark_masks_measures_a_runs_boundary(
    higan_cam: Command, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("higan_cam.measure.masks.POOL", 64)  # fewer rooms for the prior: half of the test's time
    figures, picture = tmp_path / "found.json", tmp_path / "found.png"
    status, told, _ = higan_cam(
        *("benchmark-masks", str(fitted), "--count", "20", "--json", str(figures), "--method", "image_difference"),
        *("--picture", str(picture)),
    )
    assert status == 0
    assert "Masks by the regions' settings: light" in told
    truths = json.loads(figures.read_text())["truths"]
    rows = {row["method"]: row["estimates"]["average_precision"]["value"] for row in truths[0]["methods"]}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert rows["image_difference"] > max(value for name, value in rows.items() if name != "image_difference")


def test_an_unknown_score_is_named_with_the_nearest(higan_cam: Command, fitted: Path) -> None:
    status, _, told = higan_cam("rescore", str(fitted), "--scorer", "luminence")
    assert status == 2
    assert "Did you mean 'luminance'?" in told
