"""The ledger of a stage as a Ray actor, and how workers report to it.

Cost on the fast path: two calls per unit, about a millisecond each; nothing touches the store. The actor ends a
process that shows no progress with SIGKILL, sent by a task on the process' own node: a stopped process (SIGSTOP, a
debugger) answers nothing politer. Ray then restarts the actor or fails the task, and the unit is tried again. A process
that is stopped while it has no unit is ended as well: the next unit would wait for it.

The actor restarts if it is killed. It has then forgotten the failures so far, and units that are at work at that moment
are not watched; nothing else is lost.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from higan_cam.runtime.crew.ledger import Ledger, Process, Verdict
from higan_cam.runtime.logs import RunLog, log_to_stderr, run_log

if TYPE_CHECKING:  # the ledger's process does without
    from higan_cam.config import RunConfig

PERIOD_S = (0.2, 5.0)
"""Least and most seconds between two looks at the clock."""
REAP_TIMEOUT_S = 60.0
STOPPED, GONE = "tT", "ZX"
"""States of a process in /proc: stopped; dead and not yet buried."""


class LedgerActor:
    """Async actor around `Ledger`; its methods are the ledger's."""

    def __init__(self, hang_timeout_s: float | Literal["auto"], log: RunLog) -> None:
        log_to_stderr()
        self._ledger = Ledger(hang_timeout_s, _living_nodes)
        self._log = log
        self._watching: asyncio.Task[None] | None = None
        self._reap = ray.remote(num_cpus=0, max_retries=0)(reap)

    async def begin(self, unit: str, process: Process) -> Verdict:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        return self._ledger.begin(unit, process)

    async def done(self, unit: str, process: Process) -> None:
        self._ledger.done(unit, process)

    async def failed(self, unit: str, process: Process, text: str) -> None:
        self._ledger.failed(unit, process, text)

    async def lost(self, unit: str, detail: str) -> Verdict:
        return self._ledger.lost(unit, detail)

    async def blame(self, unit: str, text: str) -> Verdict:
        return self._ledger.blame(unit, text)

    async def _watch(self) -> None:
        while True:
            shortest, longest = PERIOD_S
            await asyncio.sleep(min(longest, max(shortest, self._ledger.limit_s(None) / 20)))
            await asyncio.gather(*(self._examine(*late) for late in self._ledger.late()))

    async def _examine(self, process: Process, unit: str | None, age: float) -> None:
        there = NodeAffinitySchedulingStrategy(process.node, soft=False)
        try:
            reaped = await asyncio.wait_for(
                self._reap.options(scheduling_strategy=there).remote(process, unit is not None), REAP_TIMEOUT_S
            )
        except (ray.exceptions.RayError, TimeoutError) as error:
            if process.node not in _living_nodes():
                self._ledger.forget(process)
            else:
                self._log.of(pid=process.pid, host=process.host).warning("cannot be examined: %s", error)
            return
        if reaped.state == "gone":
            self._ledger.forget(process)
        elif reaped.state == "well":
            self._ledger.seen(process)
        else:
            text = f"{reaped.trace}\n{process} showed no progress for {age:.0f} s ({reaped.why}) and was ended".lstrip()
            self._log.of(unit=unit, pid=process.pid, host=process.host).warning("hung: %s", text)
            self._ledger.killed(process, text)


@dataclass(frozen=True)
class Reaped:
    """The result of looking at a process.

    Attributes:
        state: it was gone already, is well, or has been killed.
        why: what it was doing, for people.
        trace: the stacks it left; empty where it could not.
    """

    state: Literal["gone", "well", "killed"]
    why: str = ""
    trace: str = ""


def reap(process: Process, busy: bool) -> Reaped:
    """On the process' node: end it, unless it is gone, or has no unit (`busy` is False) and is not stopped either."""
    state = _state(process.pid)
    if state is None or state[1] != process.born or state[0] in GONE:
        return Reaped("gone")
    stopped = state[0] in STOPPED
    if not busy and not stopped:
        return Reaped("well")
    trace = _read_trace(process)
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return Reaped("gone")
    return Reaped("killed", "it was stopped by a signal" if stopped else "it was running", trace)


class Watch:
    """A worker process' side of the ledger."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self._trace = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process lives
        self._process = this_process(self._trace.fileno())

    def begin(self, unit: str) -> Verdict:
        """Report that this process starts on `unit`; how often it went wrong before."""
        verdict: Verdict = ray.get(self._ledger.begin.remote(unit, self._process))
        self._trace.seek(0)
        self._trace.truncate()
        # From a thread of its own that needs no interpreter: it works while C code holds everything up.
        faulthandler.dump_traceback_later(0.9 * verdict.limit_s, file=self._trace)
        return verdict

    @contextmanager
    def settling(self, unit: str) -> Iterator[None]:
        """Report how the block ended: that `unit` is done, or the exception, which goes on its way."""
        try:
            yield
        except Exception:
            ray.get(self._ledger.failed.remote(unit, self._process, traceback.format_exc()))
            raise
        else:
            # Waited for, or the last one would reach a ledger that has been ended, and Ray would say so.
            with suppress(ray.exceptions.RayError):
                ray.get(self._ledger.done.remote(unit, self._process))
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextmanager
def open_ledger(config: RunConfig, stage: str) -> Iterator[Any]:
    """The ledger of one stage, beside the driver: if that node goes, the run goes with it anyway."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    kind = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(LedgerActor)
    ledger = kind.options(scheduling_strategy=here).remote(
        config.runtime.hang_timeout_s, run_log(__name__, config, stage)
    )
    try:
        yield ledger
    finally:
        ray.kill(ledger)


def this_process(trace: int | None = None) -> Process:
    """The calling worker process."""
    state = _state(os.getpid())
    node = ray.get_runtime_context().get_node_id()
    return Process(os.getpid(), state[1] if state else None, node, socket.gethostname(), trace)


def _living_nodes() -> set[str]:
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def _state(pid: int) -> tuple[str, int | None] | None:
    """(state letter, start time in clock ticks) of a process of this machine, None where there is none.

    Without /proc (not Linux): whether it exists, and nothing about it.
    """
    try:
        # The second field is the command in parentheses, and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    else:
        return fields[0], int(fields[19])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    return "R", None


def _read_trace(process: Process) -> str:
    """What the process has written down about itself; read through the kernel, since the file has no name."""
    try:
        text = Path(f"/proc/{process.pid}/fd/{process.trace}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        logging.getLogger(__name__).info("pid=%d no stacks can be read", process.pid)
        return ""
    return text.strip()
