"""A process is known by number and start, so that a later one with the same number is not taken for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from higan_cam.store.processes import is_alive, machine, process_start
from tests.chaos.namespace import obstacle

pytestmark = pytest.mark.skipif(not machine(), reason="this system has no /proc to see processes by")


def test_this_process_is_alive_and_one_that_began_at_another_time_is_not() -> None:
    pid = os.getpid()
    assert is_alive(pid, process_start(pid))
    assert not is_alive(pid, str(int(process_start(pid)) + 1))
    assert not is_alive(pid, "")


def test_a_killed_process_is_dead_even_before_its_parent_looks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = process_start(child.pid)
    assert is_alive(child.pid, born)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is still there, as a zombie
    assert not is_alive(child.pid, born)
    child.communicate()
    assert not is_alive(child.pid, born)


@pytest.mark.namespaces
def test_another_process_namespace_is_another_machine() -> None:
    if reason := obstacle():
        pytest.skip(reason)
    code = "from higan_cam.store.processes import machine; print(machine())"
    command = ["unshare", "-p", "-f", "--mount-proc", sys.executable, "-c", code]
    inside = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert inside not in ("", machine())
