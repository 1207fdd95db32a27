"""Ending worker processes, with real ones; what happens inside Ray is in tests/integration/test_faults.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from higan_cam.runtime.crew.ledger import Process
from higan_cam.runtime.crew.watch import reap
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc: process states are unknown")

CODE = """
import faulthandler, sys, tempfile, time
file = tempfile.TemporaryFile()
faulthandler.dump_traceback_later(0.01, file=file)
print(file.fileno(), flush=True)
def stuck():
    time.sleep(3600)
stuck()
"""


@pytest.fixture
def victim() -> Iterator[tuple[subprocess.Popen[str], Process]]:
    """A process that hangs in `stuck`, and what it would have reported about itself."""
    child = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    trace = int(child.stdout.readline())
    yield child, Process(child.pid, born(child.pid), "node", "host", trace)
    child.kill()
    child.wait()
    child.stdout.close()


def born(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def wait_for_stack(process: Process) -> None:
    trace = Path(f"/proc/{process.pid}/fd/{process.trace}")
    wait_until(lambda: "stuck" in trace.read_text(), "a stack is written")


def test_a_hung_process_is_ended_and_its_stack_kept(victim: tuple[subprocess.Popen[str], Process]) -> None:
    child, process = victim
    wait_for_stack(process)
    reaped = reap(process, busy=True)
    assert reaped.state == "killed"
    assert "in stuck" in reaped.trace
    assert child.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_stopped_process_is_ended_even_without_a_unit(victim: tuple[subprocess.Popen[str], Process]) -> None:
    child, process = victim
    os.kill(child.pid, signal.SIGSTOP)
    os.waitpid(child.pid, os.WUNTRACED)
    assert reap(process, busy=False).why == "it was stopped by a signal"
    assert child.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_process_without_a_unit_is_left_alone(victim: tuple[subprocess.Popen[str], Process]) -> None:
    child, process = victim
    assert reap(process, busy=False).state == "well"
    assert child.poll() is None


def test_another_process_with_the_same_pid_is_not_touched(victim: tuple[subprocess.Popen[str], Process]) -> None:
    child, process = victim
    earlier = Process(process.pid, (process.born or 0) - 1, "node", "host")
    assert reap(earlier, busy=True).state == "gone"
    assert child.poll() is None


def test_a_dead_process_that_nobody_has_buried_is_gone(victim: tuple[subprocess.Popen[str], Process]) -> None:
    child, process = victim
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert reap(process, busy=True).state == "gone"
