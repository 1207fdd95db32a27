"""The whole flow on a real local Ray: what it leaves, and that workers, restarts and kills do not change a byte."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from higan_cam.config import RunConfig, RuntimeConfig, config_hash
from higan_cam.errors import DataError, QuarantinedError, RunMismatchError, WorkersError
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.runtime.plan import Crew, plan_crew
from higan_cam.runtime.run import run_stages
from higan_cam.runtime.stages import pool as pool_stage
from higan_cam.store import committed, open_store, verify_run
from higan_cam.types import BoolArray
from tests.support.small_runs import SMALL, digests

pytestmark = pytest.mark.integration
Build = Callable[..., RunConfig]
MASKED = re.compile(r"data/|manifest/data-|README\.md")
"""What the stages after the fit make."""
OUR_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \w+=")


def test_a_run_leaves_the_documented_layout_and_every_digest_holds(reference_run: Path) -> None:
    assert {path.name for path in reference_run.iterdir()} == {
        "run.json",
        "scores",
        "boundary",
        "data",
        "manifest",
        "stats",
        "report",
        "README.md",
    }
    assert verify_run(open_store(str(reference_run))) == []
    report = {path.relative_to(reference_run / "report").as_posix() for path in (reference_run / "report").rglob("*.*")}
    assert {"index.html", "gallery.html", "gallery/samples.js"} < report
    run = json.loads((reference_run / "run.json").read_text())
    assert set(run["weights"]) == {"generator", "scorer", "mask.second_scorer"}
    assert run["floor_levels"] == 1
    shown = (reference_run / "report/index.html").read_text()
    assert all(curve in shown for curve in ("moved mask", "held-out scorer"))


def test_datasets_reads_the_output_offline_with_masks_the_size_of_the_images(
    reference_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(reference_run), cache_dir=str(tmp_path))
    assert sum(len(split) for split in loaded.values()) == 24
    row = loaded["train"][0]
    assert row["image"].size == row["conditioning_image"].size == (128, 128)
    assert set(np.unique(np.asarray(row["conditioning_image"]))) <= {0, 255}
    assert row["score_positive"] > row["score_negative"]
    judged = np.concatenate([split["retention_second"] for split in loaded.values()])
    assert np.isfinite(judged).all()
    assert (judged > 0).mean() > 0.9


def test_more_workers_write_the_same_bytes(reference_run: Path, tmp_path: Path, small_config: Build) -> None:
    """In the stages that have workers; the fit between them is taken over."""
    config = small_config(tmp_path / "run", "runtime.workers=3")
    run_stages(config, ("label",))
    shutil.copytree(reference_run / "boundary", tmp_path / "run" / "boundary")
    run_stages(config)
    assert digests(tmp_path / "run") == digests(reference_run)


def test_a_rerun_makes_only_what_is_missing(reference_run: Path, tmp_path: Path, small_config: Build) -> None:
    output = tmp_path / "run"
    shutil.copytree(reference_run, output)
    expected = digests(output)
    shard = sorted((output / "data").glob("train-*"))[0]
    kept = sorted((output / "data").glob("train-*"))[1]
    before = kept.stat().st_mtime_ns
    shard.unlink()
    run_stages(small_config(output, "runtime.workers=auto"))
    assert digests(output) == expected
    assert kept.stat().st_mtime_ns == before


def test_heat_handed_to_cpu_tasks_gives_the_same_bytes(
    reference_run: Path, unmasked: Path, small_config: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path GPUs take (attribute in the actor, finish in a task), whole, on CPUs."""

    def hand_over(runtime: RuntimeConfig, cpus: float, gpus: Sequence[float], units: int) -> Crew:
        return replace(plan_crew(runtime, cpus, gpus, units), handover=True, finishers=1)

    monkeypatch.setattr(pool_stage, "plan_crew", hand_over)
    run_stages(small_config(unmasked, "runtime.workers=2"), ("mask",))
    assert digests(unmasked) == digests(reference_run)


def test_workers_that_cannot_start_end_the_run_with_the_reason(
    reference_run: Path, tmp_path: Path, small_config: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_weights(runtime: RuntimeConfig, cpus: float, gpus: Sequence[float], units: int) -> Crew:
        return BrokenCrew(1, 0.0)

    output = tmp_path / "run"
    shutil.copytree(reference_run, output)
    next((output / "data").glob("train-*")).unlink()
    monkeypatch.setattr(pool_stage, "plan_crew", without_weights)
    with pytest.raises(WorkersError, match="no such device"):
        run_stages(small_config(output, "runtime.max_tries=2"))


class BrokenCrew(Crew):
    """Actors on a device that torch does not have."""

    @property
    def device(self) -> str:
        return "no such device"


def test_another_configuration_is_refused_and_named(reference_run: Path, tmp_path: Path, small_config: Build) -> None:
    shutil.copytree(reference_run, tmp_path / "run")
    with pytest.raises(RunMismatchError, match=r"edit\.distance"):
        run_stages(small_config(tmp_path / "run", "edit.distance=2.0"))
    assert digests(tmp_path / "run") == digests(reference_run)


def test_another_micro_batch_gives_nearly_the_same_masks(
    reference_run: Path, tmp_path: Path, small_config: Build
) -> None:
    """Stated tolerance, over every sample: mean mask IoU >= 0.98, heat within 2 of 255 levels on average."""
    run_stages(small_config(tmp_path / "run", "mask.micro_batch=3", "label.micro_batch=7"), ("label", "fit", "mask"))
    ours, theirs = published(tmp_path / "run"), published(reference_run)
    assert ours["id"] == theirs["id"]
    masks = zip(ours["conditioning_image"], theirs["conditioning_image"], strict=True)
    overlaps = [intersection_over_union(a > 0, b > 0) for a, b in masks]
    assert len(overlaps) == 24
    assert np.mean(overlaps) >= 0.98
    heats = zip(ours["heat"], theirs["heat"], strict=True)
    assert np.mean([np.abs(a - b).mean() for a, b in heats]) < 2 / 255


def intersection_over_union(a: BoolArray, b: BoolArray) -> float:
    """1 where both are empty: they agree."""
    union = np.sum(a | b)
    return float(np.sum(a & b) / union) if union else 1.0


def published(output: Path) -> dict[str, list[Any]]:
    """Ids, masks and heat maps of every sample of a run, by shard."""
    tables = [pq.read_table(path) for path in sorted((output / "data").iterdir())]
    rows = [row for table in tables for row in table.select(["id", "conditioning_image", "heat"]).to_pylist()]
    return {
        "id": [row["id"] for row in rows],
        "conditioning_image": [decode_image(row["conditioning_image"]["bytes"]) for row in rows],
        "heat": [decode_heat(row["heat"]["bytes"]) for row in rows],
    }


def test_a_run_in_bfloat16_measures_a_higher_floor(tmp_path: Path, small_config: Build, local_ray: None) -> None:
    few = ("label.count=24", "label.shard_size=24", "boundary.tails=4")  # it is measured before the first label
    run_stages(small_config(tmp_path / "run", "generator.precision=bfloat16", *few), ("label",))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["floor_levels"] > 1


@pytest.mark.parametrize("floor", [255, None])
def test_workers_take_the_floor_from_run_json_and_that_of_the_precision_where_there_is_none(
    floor: int | None, reference_run: Path, unmasked: Path, small_config: Build
) -> None:
    run = json.loads((unmasked / "run.json").read_text())
    del run["floor_levels"]  # as versions before this one left it
    (unmasked / "run.json").write_text(json.dumps({**run, "floor_levels": floor} if floor else run))
    run_stages(small_config(unmasked), ("mask",))
    heats, as_usual = published(unmasked)["heat"], published(reference_run)["heat"]
    assert any(heat.any() for heat in as_usual)
    for heat, usual in zip(heats, as_usual, strict=True):
        np.testing.assert_array_equal(heat, usual if floor is None else 0 * usual)


def test_masks_before_labels_is_an_error_that_names_the_command(tmp_path: Path, small_config: Build) -> None:
    with pytest.raises(DataError, match="higan-cam label"):
        run_stages(small_config(tmp_path / "run"), stages=("mask",))


def test_a_poisoned_unit_is_quarantined_and_the_rest_completes(
    reference_run: Path, unmasked: Path, small_config: Build
) -> None:
    """A directory where a shard's file should be makes exactly that unit fail on every attempt, in the real worker."""
    output, config = unmasked, small_config(unmasked, "runtime.max_tries=2")
    blocked = committed(open_store(str(reference_run)), "data", config_hash(config))[2].path
    (output / blocked).mkdir(parents=True)
    (problem,) = run_stages(config).problems
    assert problem.startswith("data shard 2 failed 2 times")
    done = committed(open_store(str(output)), "data", config_hash(config))
    assert sorted(done) == [0, 1, 3, 4, 5]
    (output / blocked).rmdir()
    assert run_stages(config).problems == []
    assert digests(output) == digests(reference_run)


def test_a_failed_score_shard_stops_before_the_fit_and_a_rerun_gives_the_same_bytes(
    reference_run: Path, tmp_path: Path, small_config: Build
) -> None:
    output = tmp_path / "run"
    config = small_config(output, "runtime.max_tries=1")
    (output / "scores").parent.mkdir()
    shutil.copy(reference_run / "run.json", output / "run.json")
    blocked = output / "scores" / "part-00001.parquet"
    blocked.mkdir(parents=True)
    with pytest.raises(QuarantinedError, match="scores shard 1 failed 1 times"):
        run_stages(config)
    assert not (output / "boundary").exists()
    blocked.rmdir()
    run_stages(config, ("label", "fit"))
    assert digests(output) == {name: made for name, made in digests(reference_run).items() if not MASKED.match(name)}


@pytest.mark.slow
def test_a_killed_driver_resumes_to_the_same_bytes_without_a_line_of_rays_own(
    reference_run: Path, unmasked: Path
) -> None:
    """Half way through the masks, in a process and a Ray of its own."""
    output = unmasked
    overrides = [argument for override in SMALL for argument in ("--set", override)]
    command = [
        sys.executable,
        "-m",
        "higan_cam",
        "run",
        "--output",
        str(output),
        "--set",
        "runtime.workers=1",
        *overrides,
    ]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    first = subprocess.Popen(command, start_new_session=True, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 600
    while not list(output.glob("manifest/data-*.json")) and time.monotonic() < deadline:
        assert first.poll() is None, first.stderr.read() if first.stderr else ""
        time.sleep(0.05)
    first.kill()
    first.wait()
    if first.stderr is not None:
        first.stderr.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(first.pid, signal.SIGKILL)
    done = len(list(output.glob("manifest/data-*.json")))
    assert 1 <= done < 6, "the kill has to come half way"
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert digests(output) == digests(reference_run)
    assert [line for line in finished.stderr.splitlines() if not OUR_LINE.match(line)] == []
