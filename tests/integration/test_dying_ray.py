"""A run's own Ray whose processes are killed, for real: a line that says so, and the same command goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from higan_cam.store import open_store, verify_run
from higan_cam.store.lease import read_lease
from tests.chaos.processes import descendants, is_running
from tests.support.small_runs import SMALL, digests
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = {
    "gcs_server": lambda output, _: len(list(output.glob("manifest/scores-*.json"))) > 1,
    "head_process.py": lambda output, _: any(output.glob("manifest/data-*.json")),
    "raylet/raylet": lambda _, log: "stage=report begins" in log.read_text(),
}
"""{part of the victim's command line: when it is killed}: in the labels, in the masks, in the report."""
CHOSEN = KILLS if "HIGAN_CAM_CHAOS_KILLS" in os.environ else {"gcs_server": KILLS["gcs_server"]}
"""Nightly, all; the others' deaths are told alike, which `tests/runtime/cluster` holds without a run."""
NAMES = {"head_process.py": "the process that holds it", "raylet/raylet": "its raylet", "gcs_server": "its gcs_server"}


def test_a_run_whose_ray_dies_says_what_died_and_the_same_command_goes_on(
    unmasked: Path, reference_run: Path, tmp_path: Path
) -> None:
    output, log = unmasked, tmp_path / "log"
    for shard in (1, 2, 3):
        (output / f"scores/part-{shard:05d}.parquet").unlink()
        (output / f"manifest/scores-{shard:05d}.json").unlink()
    for victim, due in CHOSEN.items():
        status, told, left = killed(victim, due, output, log)
        assert status == 1, told
        (line,) = (line for line in told.splitlines() if "Ray died on this machine" in line)
        assert f": {NAMES[victim]} was ended by SIGKILL" in line
        assert line.endswith("the same command goes on from there.")
        assert "Traceback" not in told
        wait_until(partial(none_runs, left), "nothing of it is left")
        lease = read_lease(open_store(str(output)))
        assert lease is not None
        assert lease.released or lease.alive is False, "nobody waits for it"
    with start(output, log) as driver:
        assert driver.wait(PATIENCE_S) == 0, log.read_text()
    assert verify_run(open_store(str(output))) == []
    assert digests(output) == digests(reference_run)


def none_runs(pids: Sequence[int]) -> bool:
    return not any(is_running(pid) for pid in pids)


def killed(victim: str, due: Callable[[Path, Path], bool], output: Path, log: Path) -> tuple[int, str, list[int]]:
    """Exit status of a run one of whose Ray's processes is killed when it is due, what it said, and what it started."""
    with start(output, log) as driver:
        try:
            wait_until(lambda: driver.poll() is not None or due(output, log), "the time has come")
            assert driver.poll() is None, log.read_text()
            started = descendants(driver.pid)
            next(process for process in started if victim in process.title).send(signal.SIGKILL)
            status = driver.wait(PATIENCE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(driver.pid, signal.SIGKILL)
    return status, log.read_text(), [process.pid for process in started]


def start(output: Path, log: Path) -> subprocess.Popen[bytes]:
    """`higan-cam run`. Its Ray alone would try for longer than any test waits."""
    overrides = [word for override in (*SMALL, "runtime.workers=1") for word in ("--set", override)]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with log.open("wb") as written:
        return subprocess.Popen(
            [sys.executable, "-m", "higan_cam", "run", "--output", str(output), *overrides],
            env={**environment, "RAY_gcs_rpc_server_reconnect_timeout_s": "100000"},
            start_new_session=True,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
