"""One line per stage: done of total, rate, time left, failures. A bar on a terminal, plain log lines elsewhere.

The same figures go to Prometheus (`metrics`) and, with every renewal of the driver's lease, into the store, where
`higan-cam status` finds them.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from higan_cam.runtime.metrics import count_failure, count_quarantined, count_samples

log = logging.getLogger(__name__)
LOG_EVERY_S = 10.0
WINDOW = 1000
"""Units that the rate is taken over: all of a small run, the last minute of a thousand workers."""


@dataclass
class Tally:
    """Counts of one stage in this process; `done` includes the samples that were there `before` it began."""

    total: int
    done: int = 0
    failures: int = 0
    quarantined: int = 0
    marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    """(time, done) at the start and after each of the last units."""

    def __post_init__(self) -> None:
        self.before = self.done
        self.marks.append((time.monotonic(), self.done))

    def add(self, rows: int) -> None:
        """`rows` more samples are done."""
        self.done += rows
        self.marks.append((time.monotonic(), self.done))

    @property
    def rate(self) -> float:
        """Samples per second over the last `WINDOW` units."""
        then, done = self.marks[0]
        return (self.done - done) / max(time.monotonic() - then, 1e-9)

    @property
    def remaining_s(self) -> float:
        """Seconds left at the present rate; infinite before the first sample."""
        return (self.total - self.done) / self.rate if self.rate else math.inf

    @property
    def idle_s(self) -> float:
        """Seconds since the last unit was done, or since the stage began."""
        return time.monotonic() - self.marks[-1][0]


class Meter:
    """What a stage tells about itself."""

    def __init__(self, stage: str, tally: Tally, guard: Callable[[], None], show: Callable[[], None]) -> None:
        self._stage, self._tally, self._guard, self._show = stage, tally, guard, show

    def advance(self, rows: int) -> None:
        """`rows` more samples are done. LeaseLostError: another driver has taken over."""
        self._tally.add(rows)
        count_samples(self._stage, rows)
        self._show()
        self._guard()

    def failed(self) -> None:
        """One attempt at a unit failed. LeaseLostError: another driver has taken over."""
        self._tally.failures += 1
        count_failure(self._stage)
        self._show()
        self._guard()

    def quarantined(self) -> None:
        """A unit was given up."""
        self._tally.quarantined += 1
        count_quarantined(self._stage)
        self._show()


class Meters:
    """The meters of a run's stages.

    Args:
        console: where bars are drawn if it is a terminal.
        guard: raises where the stage must not go on; asked after every unit.
        run: names the run in log lines.
    """

    def __init__(self, console: Console, guard: Callable[[], None] = lambda: None, run: str = "") -> None:
        self._console, self._guard, self._run = console, guard, run
        self._tallies: dict[str, Tally] = {}

    def check(self) -> None:
        """Go on only where the stage may. LeaseLostError: another driver has taken over."""
        self._guard()

    @property
    def tallies(self) -> dict[str, Tally]:
        """The counts of every stage begun so far."""
        return dict(self._tallies)

    def snapshot(self) -> dict[str, Any]:
        """Figures of every stage begun so far, by stage; JSON, callable from any thread."""
        return {stage: _figures(tally) for stage, tally in tuple(self._tallies.items())}

    @contextmanager
    def stage(self, name: str, total: int, done: int) -> Iterator[Meter]:
        """A meter for `total` samples of which `done` were there already."""
        tally = self._tallies[name] = Tally(total, done)
        if self._console.is_terminal:
            with _bar(name, tally, self._console) as show:
                yield Meter(name, tally, self._guard, show)
        else:
            with _lines(self._run, name, tally):
                yield Meter(name, tally, self._guard, lambda: None)


def _figures(tally: Tally) -> dict[str, Any]:
    figures = {"done": tally.done, "total": tally.total, "failures": tally.failures, "quarantined": tally.quarantined}
    return {**figures, "rate": round(tally.rate, 3), "idle_s": round(tally.idle_s, 1)}


@contextmanager
def _bar(stage: str, tally: Tally, console: Console) -> Iterator[Callable[[], None]]:
    counts = (TextColumn("{task.description:<7}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[failures]}"))
    with Progress(*counts, *times, console=console) as bars:
        task = bars.add_task(stage, total=tally.total, completed=tally.done, rate="", failures="")

        def show() -> None:
            failed = f"{tally.failures} failed attempts" if tally.failures else ""
            given_up = f"{tally.quarantined} units quarantined" if tally.quarantined else ""
            failures = ", ".join(filter(None, (failed, given_up)))
            bars.update(task, completed=tally.done, rate=f"{tally.rate:.1f}/s", failures=failures)

        yield show


@contextmanager
def _lines(run: str, stage: str, tally: Tally) -> Iterator[None]:
    """A line every `LOG_EVERY_S`, whether or not a unit is done by then, and one at the end."""
    stop = threading.Event()

    def write_until_stopped() -> None:
        while not stop.wait(LOG_EVERY_S):
            _write(run, stage, tally)

    writing = threading.Thread(target=write_until_stopped, name="progress", daemon=True)
    writing.start()
    try:
        yield
    finally:
        stop.set()
        writing.join()
    _write(run, stage, tally)


def _write(run: str, stage: str, t: Tally) -> None:
    remaining = f"{t.remaining_s:.0f}" if math.isfinite(t.remaining_s) else "unknown"
    message = "run=%s stage=%s done=%d/%d rate=%.1f/s eta_s=%s failures=%d quarantined=%d"
    log.info(message, run, stage, t.done, t.total, t.rate, remaining, t.failures, t.quarantined)
