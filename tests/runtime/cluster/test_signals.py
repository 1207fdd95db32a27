"""SIGTERM becomes an exception, once; sent for real, to this process or to one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from higan_cam.runtime.cluster.signals import Terminated, exit_status, stoppable
from tests.support.waiting import PATIENCE_S


def test_sigterm_raises_in_the_block_and_the_former_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def as_in_ray_wait() -> None:
    """SIGTERM arrives, and what its handler raises comes out as a plain KeyboardInterrupt."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except Terminated:
        raise KeyboardInterrupt from None


def test_it_is_still_sigterm_where_ray_has_made_a_plain_interrupt_of_it() -> None:
    with pytest.raises(Terminated), stoppable():
        as_in_ray_wait()


def test_the_exit_status_names_the_signal() -> None:
    assert exit_status(Terminated()) == 143
    assert exit_status(KeyboardInterrupt()) == 130


def test_in_another_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def look() -> None:
        with stoppable():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_second_sigterm_ends_a_process_that_does_not_come_to_its_end() -> None:
    code = """
import os, signal, time
from higan_cam.runtime.cluster.signals import Terminated, stoppable
with stoppable():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except Terminated:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(600)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE_S).returncode == -signal.SIGTERM
