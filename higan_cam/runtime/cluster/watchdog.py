"""A local Ray that dies ends its run within seconds, and with a line: Ray itself would end the process after a minute,
without one.

A thread looks whether Ray's processes live. When one does not, the thread breaks the main one out of whatever call it
sits in, by a signal, as Ctrl-C does: Ray's waits, Ray Data's and Python's own all look for signals. Where the main
thread cannot be reached, in C code that does not return, the process is ended from here. That costs the units in flight
and nothing else, as every way to end a run does.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from higan_cam.errors import HiganCamError, WorkersError
from higan_cam.runtime.cluster.signals import Terminated

LOOK_S = 0.5
CONFIRM_S = 2.0
"""Whoever uses Ray may fail before its death is seen: so long is waited for the reason."""
AGAIN_S, TRIES = 5.0, 3
"""What a handler raises within a destructor is lost, so the signal is sent again; altogether before Ray's minute."""
_SIGNAL = signal.SIGURG
"""Ignored where nobody asks for it: one that comes late harms nobody."""
_log = logging.getLogger(__name__)


class _RayDied(KeyboardInterrupt):
    """The thread's signal arrived. An interrupt, so that nothing on the way takes it for a failure of its own."""


class Watchdog:
    """The block ends when Ray has died, wherever it waits; outside the main thread, with the whole process.

    A `WorkersError` comes out, instead of whatever the block raised for that reason; a user's mistake or wish stays.

    Args:
        died: says what of Ray has ended, None while it lives; called every `LOOK_S`, from one thread.
    """

    def __init__(self, died: Callable[[], str | None]) -> None:
        self._died = died
        self._what: str | None = None
        self._seen, self._stopped = threading.Event(), threading.Event()
        self._within = self._broken = False
        self._thread = threading.Thread(target=self._watch, name="ray-watchdog", daemon=True)
        self._in_main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> None:
        self._before = signal.signal(_SIGNAL, self._break) if self._in_main else None
        self._thread.start()
        self._within = True

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._within = False
        what = self._reason(error)
        self._stopped.set()
        self._thread.join()
        if self._in_main:
            # None: installed by C code, and not ours to put back.
            signal.signal(_SIGNAL, signal.SIG_DFL if self._before is None else self._before)
        if what is not None:
            raise ray_died(what) from error

    def _reason(self, error: BaseException | None) -> str | None:
        """What of Ray has ended, if that is why the block ends with this error."""
        if isinstance(error, KeyboardInterrupt):
            # Ray's waiting functions make a plain KeyboardInterrupt of whatever a handler raises.
            return self._what if self._broken and not isinstance(error, Terminated) else None
        if not isinstance(error, Exception) or _is_users(error):
            return None
        self._seen.wait(CONFIRM_S)
        return self._what

    def _watch(self) -> None:
        while self._what is None:
            if self._stopped.wait(LOOK_S):
                return
            self._what = self._died()
        self._seen.set()
        _log.warning("Ray died (%s); the run ends, and the same command goes on", self._what)
        for _ in range(TRIES):
            if self._in_main:
                signal.pthread_kill(threading.main_thread().ident or 0, _SIGNAL)
            if self._stopped.wait(AGAIN_S):
                return
        _log.error("%s", ray_died(self._what))
        os._exit(WorkersError.exit_code)

    def _break(self, _: int, frame: FrameType | None) -> None:
        leaving = frame is not None and frame.f_code.co_filename == __file__
        if self._what is not None and self._within and not leaving:
            self._broken = True
            raise _RayDied


def ray_died(what: str) -> WorkersError:
    """The error for a local Ray that is no more; `what` of it, and how."""
    return WorkersError(
        f"Ray died on this machine: {what}. What is written stays; the same command goes on from there."
    )


def _is_users(error: Exception) -> bool:
    """Whether it tells the user something that holds with or without Ray."""
    return isinstance(error, HiganCamError) and not isinstance(error, WorkersError)
