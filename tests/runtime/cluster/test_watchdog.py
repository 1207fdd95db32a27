"""A Ray that dies ends the block that needs it, wherever that waits; here a function says that it died."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from higan_cam.errors import DataError, WorkersError
from higan_cam.runtime.cluster import watchdog
from higan_cam.runtime.cluster.signals import Terminated, stoppable
from higan_cam.runtime.cluster.watchdog import Watchdog
from tests.support.waiting import PATIENCE_S

DEAD = "its raylet was ended by SIGKILL"
MESSAGE = r"^Ray died on this machine: its raylet was ended by SIGKILL\. .*the same command goes on from there\.$"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_S", 0.01)
    monkeypatch.setattr(watchdog, "CONFIRM_S", 0.2)


def dead() -> str:
    return DEAD


def alive() -> None:
    """Nothing of it has ended."""


def as_in_ray_wait() -> None:
    """Whatever a handler raises comes out as a plain KeyboardInterrupt."""
    try:
        forever()
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None


def forever() -> None:
    threading.Event().wait(PATIENCE_S)


def at_a_lock() -> None:
    lock = threading.Lock()
    with lock, lock:
        pass


def in_vain() -> None:
    """The first interrupt is lost, as within a destructor."""
    with contextlib.suppress(KeyboardInterrupt):
        forever()
    forever()


@pytest.mark.parametrize("wait", [forever, at_a_lock, as_in_ray_wait, in_vain])
def test_the_block_ends_wherever_it_waits(wait: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "AGAIN_S", 0.2)
    monkeypatch.setattr(watchdog, "TRIES", 10_000)
    with pytest.raises(WorkersError, match=MESSAGE), Watchdog(dead):
        wait()


@pytest.mark.parametrize("error", [WorkersError("actors died"), ConnectionError("the socket is closed")])
def test_what_fails_because_ray_died_is_told_as_that(error: Exception) -> None:
    with pytest.raises(WorkersError, match=MESSAGE) as told, Watchdog(dead):
        raise error
    assert told.value.__cause__ is error


@pytest.mark.parametrize("error", [DataError("scores are constant"), Terminated(), KeyboardInterrupt(), SystemExit(3)])
def test_a_users_mistake_or_wish_is_told_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as told, Watchdog(dead):
        raise error
    assert told.value is error


@pytest.mark.parametrize("error", [WorkersError("no room"), ValueError("a bug"), KeyboardInterrupt()])
def test_while_ray_lives_nothing_is_changed(error: BaseException) -> None:
    before = signal.getsignal(signal.SIGURG)
    with Watchdog(alive):
        os.kill(os.getpid(), signal.SIGURG)  # somebody else's
    with pytest.raises(type(error)) as told, Watchdog(alive):
        raise error
    assert told.value is error
    assert signal.getsignal(signal.SIGURG) is before
    assert "ray-watchdog" not in {thread.name for thread in threading.enumerate()}


def test_sigterm_is_still_sigterm_when_ray_is_stopped_with_the_driver() -> None:
    """As when a service is stopped: everything of it gets the signal."""
    with pytest.raises(Terminated), Watchdog(dead), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)


UNREACHABLE = """
import signal, sys, threading, time
from higan_cam.runtime.cluster import watchdog
watchdog.AGAIN_S = 0.1

def work():
    with watchdog.Watchdog(lambda: "its raylet was ended by SIGKILL"):
        time.sleep(600)

if sys.argv[1] == "C code":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
    work()
else:
    threading.Thread(target=work).start()
"""


@pytest.mark.parametrize("where", ["C code", "another thread"])
def test_a_process_that_cannot_be_reached_is_ended_with_the_line(where: str) -> None:
    command = [sys.executable, "-c", UNREACHABLE, where]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == WorkersError.exit_code
    assert "the same command goes on from there." in ended.stderr
    assert "Traceback" not in ended.stderr
