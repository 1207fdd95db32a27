"""Units that kill, stop or starve their worker: the rest completes, and what completes has the same bytes.

Every fault is real and happens inside a real worker process (tests/integration/faults.py).
"""

from __future__ import annotations

import contextlib
import json
import os
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
import pytest

from higan_cam.config import RunConfig, RuntimeConfig, config_hash
from higan_cam.errors import QuarantinedError
from higan_cam.publish import decode_scores
from higan_cam.runtime.plan import Crew, plan_crew
from higan_cam.runtime.run import run_stages
from higan_cam.runtime.stages import label as label_stage
from higan_cam.runtime.stages import mask as mask_stage
from higan_cam.runtime.stages import pool as pool_stage
from higan_cam.runtime.workers.label import LabelWorker
from higan_cam.runtime.workers.mask import MaskWorker
from higan_cam.store import committed, open_store, verify_run
from higan_cam.store.manifest import read_manifest
from tests.integration.faults import Plan, crash, die, finisher, label_worker, mask_worker, sleep, small_memory, stop
from tests.support.small_runs import SMALL, digests, hang_timeout_s
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration
Build = Callable[..., RunConfig]
NIGHTLY = "HIGAN_CAM_CHAOS_KILLS" in os.environ


@pytest.fixture(scope="module")
def hang(reference_run: Path) -> str:
    """An override that follows the pace of this machine."""
    stats = (path.read_bytes() for path in (reference_run / "stats").glob("*-*.json"))
    return f"runtime.hang_timeout_s={hang_timeout_s(stats, least=8.0)}"


@pytest.fixture
def markers(tmp_path: Path) -> Path:
    """What has happened once."""
    folder = tmp_path / "markers"
    folder.mkdir()
    return folder


def scores_of(output: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(output).items() if name.startswith("scores/")}


def attempts(output: Path, stage: str) -> dict[int, int]:
    """{shard: attempts} as the stats have them."""
    files = sorted((output / "stats").glob(f"{stage}-*.json"))
    return {int(path.stem.rpartition("-")[2]): json.loads(path.read_text())["attempts"] for path in files}


def quarantine(output: Path, stage: str, shard: int) -> dict[str, Any]:
    path = output / "manifest" / f"quarantined-{stage}-{shard:05d}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_label_units_that_hang_are_tried_again_and_one_that_always_kills_its_process_is_quarantined(
    reference_run: Path,
    tmp_path: Path,
    markers: Path,
    small_config: Build,
    hang: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hanging: once, as a process that is stopped; nightly also as one that sleeps for ever."""
    hung = {0: stop, 2: sleep} if NIGHTLY else {0: stop}
    died = r"^1 score shards failed.*\n +scores shard 1 failed 2 times: worker process \d+ on .* died"
    run = tmp_path / "run"
    config = small_config(run, hang, "runtime.max_tries=2", "runtime.workers=2")
    with monkeypatch.context() as patched:
        patched.setattr(label_stage, "LabelWorker", label_worker(Plan({1: crash}), Plan(hung, markers)))
        with pytest.raises(QuarantinedError, match=died):
            run_stages(config, ("label",))
    assert sorted(committed(open_store(config.output), "scores", config_hash(config))) == [0, 2, 3]
    assert all(attempts(run, "scores")[shard] >= 2 for shard in hung)
    kept = {path: path.stat().st_mtime_ns for path in (run / "scores").iterdir()}
    run_stages(config, ("label",))
    assert scores_of(run) == scores_of(reference_run)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_mask_units_that_kill_stop_or_sleep_are_quarantined_with_the_reason_and_take_no_neighbour_with_them(
    unmasked: Path, reference_run: Path, small_config: Build, hang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a single try, a unit that only waited behind a bad one would be lost if it were blamed.

    One that sleeps says more than one that is stopped: where. A stopped one is among the labels' above; both nightly.
    """
    config = small_config(unmasked, hang, "runtime.workers=2", "runtime.max_tries=1")
    hung = {0: sleep, 1: stop} if NIGHTLY else {0: sleep}
    with monkeypatch.context() as patched:
        patched.setattr(mask_stage, "MaskWorker", mask_worker(Plan({**hung, 4: die})))
        problems = run_stages(config, ("mask",)).problems
    bad = [*hung, 4]
    assert [line.partition(": ")[0] for line in problems] == [f"data shard {n} failed 1 times" for n in bad]
    assert "faults.py" in quarantine(unmasked, "data", 0)["traceback"]
    assert " in sleep" in quarantine(unmasked, "data", 0)["traceback"]
    if NIGHTLY:
        assert "it was stopped by a signal" in quarantine(unmasked, "data", 1)["traceback"]
    assert "died without a Python exception" in quarantine(unmasked, "data", 4)["traceback"]
    assert sorted(committed(open_store(config.output), "data", config_hash(config))) == sorted({*range(6)} - {*bad})
    assert run_stages(config, ("mask",)).problems == []
    assert digests(unmasked) == digests(reference_run)


def test_finishing_tasks_that_die_or_hang_cost_their_unit_one_attempt(
    unmasked: Path,
    reference_run: Path,
    markers: Path,
    small_config: Build,
    hang: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The path GPUs take, on CPUs: heat maps handed to tasks, one killed, one stopped, nightly one asleep."""

    def hand_over(runtime: RuntimeConfig, cpus: float, gpus: Sequence[float], units: int) -> Crew:
        return replace(plan_crew(runtime, cpus, gpus, units), handover=True, finishers=2)

    plan = Plan({0: die, 2: stop, 4: sleep} if NIGHTLY else {0: die, 2: stop}, markers)
    monkeypatch.setattr(pool_stage, "plan_crew", hand_over)
    monkeypatch.setattr(mask_stage, "finish_unit", finisher(plan))
    assert run_stages(small_config(unmasked, hang, "runtime.workers=2"), ("mask",)).problems == []
    assert len(list(markers.iterdir())) == len(plan.deeds)
    assert digests(unmasked) == digests(reference_run)
    assert min(attempts(unmasked, "data")[shard] for shard in plan.deeds) >= 2


def test_out_of_memory_halves_the_micro_batch_and_the_manifest_says_so(
    reference_run: Path, unmasked: Path, tmp_path: Path, small_config: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = small_config(tmp_path / "labels", "runtime.workers=1")
    monkeypatch.setattr(label_stage, "LabelWorker", small_memory(LabelWorker, 5))
    monkeypatch.setattr(mask_stage, "MaskWorker", small_memory(MaskWorker, 2))
    run_stages(labels, ("label",))
    masks = small_config(unmasked, "runtime.workers=1")
    assert run_stages(masks, ("mask",)).problems == []
    assert recorded(Path(labels.output), "scores") == [{"micro_batch": 4}] * 4
    assert all(extra["micro_batch"] in (1, 2) for extra in recorded(unmasked, "data"))
    assert recorded(reference_run, "scores") == [{}] * 4
    ours, theirs = (decode_all(folder) for folder in (Path(labels.output), reference_run))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert verify_run(open_store(str(unmasked))) == []


def recorded(output: Path, stage: str) -> list[dict[str, Any]]:
    entries = read_manifest(open_store(str(output)), stage).values()
    return [dict(entry.extra) for entry in entries if entry is not None]


def decode_all(output: Path) -> Any:
    parts = sorted((output / "scores").iterdir())
    return np.concatenate([decode_scores(path.read_bytes())[1] for path in parts])


STOPS = [("mask", "data", signal.SIGTERM, 143), ("label", "scores", signal.SIGINT, 130)]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "watched", "sent", "status"), STOPS if NIGHTLY else STOPS[:1])
def test_a_signal_stops_the_driver_with_nothing_half_done_and_the_same_stage_goes_on(
    command: str,
    watched: str,
    sent: signal.Signals,
    status: int,
    unmasked: Path,
    reference_run: Path,
    small_config: Build,
) -> None:
    if command == "label":
        shutil.rmtree(unmasked)
    process = start(command, unmasked)
    try:
        wait_for_first(process, unmasked / "manifest", watched)
        process.send_signal(sent)
        _, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == status, errors
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    left = {path.name for path in unmasked.rglob("*") if path.is_file()}
    assert not {name for name in left if "tmp" in name}
    assert verify_run(open_store(str(unmasked))) == []
    assert run_stages(small_config(unmasked), (command,)).problems == []
    expected = {name: digest for name, digest in digests(reference_run).items() if name.startswith(f"{watched}/")}
    assert {name: d for name, d in digests(unmasked).items() if name.startswith(f"{watched}/")} == expected


def start(command: str, output: Path) -> subprocess.Popen[str]:
    overrides = [word for override in (*SMALL, "runtime.workers=1") for word in ("--set", override)]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen(
        [sys.executable, "-m", "higan_cam", command, "--output", str(output), *overrides],
        start_new_session=True,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_first(process: subprocess.Popen[str], manifest: Path, stage: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not list(manifest.glob(f"{stage}-*.json")):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline, "nothing was committed"
        time.sleep(0.05)
