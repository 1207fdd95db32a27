"""Ray in a process of its own: there when it is wanted, gone with whoever wanted it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.cluster import head as head_module
from higan_cam.runtime.cluster.head import local_head
from tests.chaos.processes import descendants, is_running
from tests.support.waiting import PATIENCE_S, wait_until

DRIVER = """
import sys
from higan_cam.config import RuntimeConfig
from higan_cam.runtime.cluster.head import local_head
from higan_cam.runtime.cluster.signals import stoppable
with stoppable(), local_head(RuntimeConfig()) as head:
    print("begun", "ray" in sys.modules, flush=True)
    if sys.argv[1] == "connect":
        from higan_cam.runtime.cluster.join import cluster, resources
        with cluster(RuntimeConfig(), head):
            print("processors", resources()[0], flush=True)
            sys.stdin.readline()
        print("left", flush=True)
    sys.stdin.read()
"""
"""Ends when its standard input does."""
ORPHAN = """
import os, signal, time
from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.cluster.head import local_head
from tests.chaos.processes import descendants
try:
    with local_head(RuntimeConfig()) as head:
        from higan_cam.runtime.cluster.join import cluster
        with cluster(RuntimeConfig(), head):
            raylets = [process for process in descendants(os.getpid()) if "raylet/raylet" in process.title]
            raylets[0].send(signal.SIGKILL)
            time.sleep(600)
except WorkersError as error:
    print(error)
"""


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not imported it, and is told of no cluster."""
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.usefixtures("no_ray")
def test_no_ray_is_started_where_the_run_joins_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_head(RuntimeConfig(address="192.0.2.1:6379")) as head:
        assert head is None
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:6379")
    with local_head(RuntimeConfig()) as head:
        assert head is None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit(7)", "ended with status 7: it wrote nothing"),
        ("import sys; sys.exit('ray is broken')", "ended with status 1: ray is broken"),
        ("print('something else')", "ended with status 0"),
        ("""print('{"error": "OSError: no shared memory"}')""", "no shared memory"),
        ("""print('{"error": "The current node timed out during startup."}')""", "not within its 30 s"),
    ],
)
@pytest.mark.usefixtures("no_ray")
def test_a_ray_that_does_not_come_up_is_an_error_that_says_why(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "program.py"
    written.write_text(program)
    monkeypatch.setattr(head_module, "_PROGRAM", written)
    with local_head(RuntimeConfig()) as head:
        assert head is not None
        with pytest.raises(WorkersError, match=message):
            _ = head.address


@pytest.mark.usefixtures("no_ray")
def test_a_ray_that_was_too_slow_for_itself_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, mark = tmp_path / "program.py", tmp_path / "mark"
    program.write_text(f"""
import json, pathlib, sys
mark = pathlib.Path({str(mark)!r})
second = mark.exists()
mark.touch()
slow = {{"error": "The current node timed out during startup."}}
print(json.dumps({{"address": "here"}} if second else slow), flush=True)
sys.stdin.read()
""")
    monkeypatch.setattr(head_module, "_PROGRAM", program)
    with local_head(RuntimeConfig()) as head:
        assert head is not None
        assert head.address == "here"


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A driver of its own; parametrize with how far it goes."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.integration
@pytest.mark.parametrize("driver", ["connect"], indirect=True)
def test_ray_ends_with_a_driver_that_is_killed(driver: subprocess.Popen[str]) -> None:
    assert _line(driver) == "begun False"
    assert _line(driver).startswith("processors ")
    started = descendants(driver.pid)
    for name in ("head_process.py", "gcs_server", "raylet"):
        pid = next(process.pid for process in started if name in process.title)
        assert b"RAY_BACKEND_LOG_LEVEL=fatal" in Path(f"/proc/{pid}/environ").read_bytes()
    beside = ("dashboard/dashboard.py", "monitor.py")
    assert not [process.title for process in started if any(name in process.title for name in beside)]
    _end(driver, "SIGKILL")
    _expect_gone([process.pid for process in started])


@pytest.mark.integration
@pytest.mark.parametrize("driver", ["connect"], indirect=True)
def test_ray_has_ended_when_the_block_that_uses_it_has(driver: subprocess.Popen[str]) -> None:
    """The block lies within the lease of the output: no worker is to be given work once that is let go."""
    _line(driver), _line(driver)
    started = [process.pid for process in descendants(driver.pid)]
    assert driver.stdin is not None
    driver.stdin.write("\n")
    driver.stdin.flush()
    assert _line(driver) == "left"
    assert descendants(driver.pid) == []
    _expect_gone(started)
    _end(driver, "end")
    assert driver.returncode == 0


@pytest.mark.integration
@pytest.mark.parametrize("driver", ["wait"], indirect=True)
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_ray_that_is_only_coming_up_is_ended_as_well(driver: subprocess.Popen[str], how: str) -> None:
    _line(driver)
    wait_until(lambda: any("gcs_server" in process.title for process in descendants(driver.pid)), "Ray comes up")
    started = [process.pid for process in descendants(driver.pid)]
    _end(driver, how)
    _expect_gone(started)


@pytest.mark.integration
def test_a_driver_whose_parent_has_gone_outlives_its_raylet_and_tells(tmp_path: Path) -> None:
    """As under `nohup`; Ray itself takes process 1 for the raylet of a worker, and ends it without a word."""
    told = tmp_path / "told"
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    command = ["sh", "-c", '"$@" >"$0" 2>&1 & echo $!', str(told), sys.executable, "-c", ORPHAN]
    shell = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    wait_until(lambda: not is_running(int(shell.stdout)), "the driver ends")
    assert told.read_text().splitlines()[-1].startswith("Ray died on this machine: its raylet"), told.read_text()


def _line(driver: subprocess.Popen[str]) -> str:
    assert driver.stdout is not None
    return driver.stdout.readline().strip()


def _end(driver: subprocess.Popen[str], how: str) -> None:
    assert driver.stdin is not None
    if how == "end":
        driver.stdin.close()
    else:
        driver.send_signal(signal.Signals[how])
    driver.wait(PATIENCE_S)


def _expect_gone(pids: list[int]) -> None:
    wait_until(lambda: not any(is_running(pid) for pid in pids), "all of it ends")
