"""SIGTERM stops a run the way Ctrl-C does: cleanly, and so that the same command goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM raises `Terminated` in the block, once; a second one ends the process at once.

    `ray.init` installs a handler of its own, so this is used again once Ray is up. In a thread other than the main one
    signals cannot be handled, and nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    arrived = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal arrived
        arrived = True
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        # Ray's waiting functions make a plain KeyboardInterrupt of whatever a handler raises.
        if arrived and not isinstance(error, Terminated):
            raise Terminated from error
        raise
    finally:
        # None: installed by C code, and not ours to put back.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def exit_status(error: KeyboardInterrupt) -> int:
    """What a process that was stopped by a signal reports: 128 and the signal's number."""
    return STATUS[signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT]
