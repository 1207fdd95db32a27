"""Who works on what, since when, and how often it went wrong: the arithmetic of retries and hangs. Pure: no ray here.

A unit's attempts are its failures plus one. Three things are failures of a unit: an exception, a worker process that
died while it worked on the unit, and one that was killed because it showed no progress. A process that went down with
its whole node is not: nodes come and go, and the unit is not to blame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

FIRST_LIMIT_S = 3600.0
"""With `auto`: until a unit of the stage has finished, nobody knows how long one takes."""
LEAST_LIMIT_S = 300.0
LIMIT_TIMES = 10
"""With `auto`: a unit hangs when it takes this many times as long as the longest one so far."""
START = "start"
"""What a worker does before its first unit: load networks."""
START_LIMIT_S = 900.0
"""The least limit for that; weights may come over a network."""


@dataclass(frozen=True)
class Process:
    """A worker process, and where it is.

    Attributes:
        pid: on its node.
        born: the kernel's start time of the process, in clock ticks, since pids are used again; None where unknown.
        node: Ray's id of the node.
        host: the node's name, for people.
        trace: file descriptor, inside that process, where its stacks are written when it is late.
    """

    pid: int
    born: int | None
    node: str
    host: str
    trace: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"worker process {self.pid} on {self.host}"


@dataclass(frozen=True)
class Verdict:
    """Where a unit stands.

    Attributes:
        attempt: number of the attempt that begins now, from 1.
        failures: what happened to the earlier ones; each a traceback or a description.
        limit_s: seconds after which this attempt counts as hung.
    """

    attempt: int
    failures: tuple[str, ...]
    limit_s: float


@dataclass
class _Work:
    unit: str | None
    since: float


@dataclass(frozen=True)
class _Failure:
    text: str
    node: str | None


@dataclass
class Ledger:
    """All units and processes of one stage. O(processes + failed units), whatever the number of units.

    Attributes:
        hang_timeout_s: seconds without progress, or `auto`.
        nodes: ids of the nodes that are alive.
    """

    hang_timeout_s: float | Literal["auto"]
    nodes: Callable[[], Collection[str]]
    clock: Callable[[], float] = time.monotonic
    _longest: float | None = None
    _work: dict[Process, _Work] = field(default_factory=dict)
    _at: dict[str, Process] = field(default_factory=dict)
    _failures: dict[str, list[_Failure]] = field(default_factory=dict)

    def begin(self, unit: str, process: Process) -> Verdict:
        """`process` starts on `unit`; the unit's previous holder has died."""
        if unit != START:
            self._bury(unit)
            self._at[unit] = process
        self._work.pop(process, None)  # the key too: equal processes may come with another file for their stacks
        self._work[process] = _Work(unit, self.clock())
        return self.verdict(unit)

    def done(self, unit: str, process: Process) -> None:
        """`unit` is finished."""
        work = self._work.get(process)
        if work is not None and work.unit == unit and unit != START:
            self._longest = max(self._longest or 0.0, self.clock() - work.since)
        self._rest(unit, process)

    def failed(self, unit: str, process: Process, text: str) -> None:
        """`unit` raised."""
        if self._rest(unit, process):
            self._failures.setdefault(unit, []).append(_Failure(text, None))

    def lost(self, unit: str, detail: str = "") -> Verdict:
        """An attempt came back without an answer: a process that was at work on it has died."""
        self._bury(unit, detail)
        return self.verdict(unit)

    def blame(self, unit: str, text: str) -> Verdict:
        """An attempt failed before or after its worker could say so (its arguments, its result)."""
        self._failures.setdefault(unit, []).append(_Failure(text, None))
        return self.verdict(unit)

    def killed(self, process: Process, text: str) -> None:
        """`process` showed no progress and has been ended."""
        work = self._work.pop(process, None)
        if work is None or work.unit is None or self._at.get(work.unit) != process:
            return
        del self._at[work.unit]
        self._failures.setdefault(work.unit, []).append(_Failure(text, None))

    def seen(self, process: Process) -> None:
        """`process` has no unit and is well."""
        if process in self._work:
            self._work[process] = _Work(None, self.clock())

    def forget(self, process: Process) -> None:
        """`process` is known to be gone; what it left behind is settled when somebody asks for it."""
        self._work.pop(process, None)

    def verdict(self, unit: str) -> Verdict:
        """The attempt that comes next. Deaths count unless the node went down too, as far as is known by now."""
        failures = self._failures.get(unit, ())
        alive = set(self.nodes()) if any(failure.node is not None for failure in failures) else set()
        counted = tuple(failure.text for failure in failures if failure.node is None or failure.node in alive)
        return Verdict(len(counted) + 1, counted, self.limit_s(unit))

    def limit_s(self, unit: str | None) -> float:
        """Seconds after which work on `unit` counts as hung."""
        if self.hang_timeout_s != "auto":
            limit = self.hang_timeout_s
        elif self._longest is None:
            limit = FIRST_LIMIT_S
        else:
            limit = max(LEAST_LIMIT_S, LIMIT_TIMES * self._longest)
        return max(limit, START_LIMIT_S) if unit == START else limit

    def late(self) -> list[tuple[Process, str | None, float]]:
        """(process, its unit or None where it has none, seconds without a sign of life) of those over the limit."""
        now = self.clock()
        working = [(process, work.unit, now - work.since) for process, work in self._work.items()]
        return [(process, unit, age) for process, unit, age in working if age > self.limit_s(unit)]

    def _rest(self, unit: str, process: Process) -> bool:
        """`process` has put `unit` down; False where it was no longer its unit."""
        self._work[process] = _Work(None, self.clock())
        if self._at.get(unit) != process:
            return False
        del self._at[unit]
        return True

    def _bury(self, unit: str, detail: str = "") -> None:
        process = self._at.pop(unit, None)
        if process is None:
            return
        self._work.pop(process, None)
        text = (
            f"{process} died without a Python exception while it worked on this unit (a signal, a segmentation fault "
            f"or the out-of-memory killer); Ray keeps its output in worker-*-{process.pid}.err"
        )
        self._failures.setdefault(unit, []).append(_Failure(f"{detail}\n{text}".strip(), process.node))


def backoff_s(attempt: int) -> float:
    """Seconds to wait after the attempt-th failure: 1, 2, 4, … at most 30."""
    return float(min(30, 2 ** (attempt - 1)))
