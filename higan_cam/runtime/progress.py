"""One line per stage: done of total, rate, time left, failures. A bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = logging.getLogger(__name__)
LOG_EVERY_S = 10.0


class Meter(Protocol):
    """What a stage tells about itself."""

    def advance(self, rows: int) -> None:
        """`rows` more samples are done."""
        ...

    def failed(self) -> None:
        """One attempt at a unit failed."""
        ...


@dataclass
class Tally:
    """Counts of one stage, and when it began."""

    total: int
    done: int = 0
    fresh: int = 0
    failures: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Samples per second since this process began, not counting what was already there."""
        return self.fresh / max(time.monotonic() - self.began, 1e-9)

    @property
    def remaining_s(self) -> float:
        """Seconds left at the present rate; infinite before the first sample."""
        return (self.total - self.done) / self.rate if self.fresh else float("inf")


@contextmanager
def stage_meter(stage: str, total: int, done: int, console: Console) -> Iterator[Meter]:
    """A meter for `total` samples of which `done` were there already."""
    tally = Tally(total, done)
    if console.is_terminal:
        columns = (
            TextColumn("{task.description:<7}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[failures]}"))
        with Progress(*columns, *times, console=console) as bars:
            task = bars.add_task(stage, total=total, completed=done, rate="", failures="")
            yield _BarMeter(tally, bars, task)
    else:
        meter = _LogMeter(stage, tally)
        yield meter
        meter.report()


class _BarMeter:
    def __init__(self, tally: Tally, bars: Progress, task: object) -> None:
        self._tally, self._bars, self._task = tally, bars, task

    def advance(self, rows: int) -> None:
        self._tally.done += rows
        self._tally.fresh += rows
        self._update()

    def failed(self) -> None:
        self._tally.failures += 1
        self._update()

    def _update(self) -> None:
        failures = f"{self._tally.failures} failed attempts" if self._tally.failures else ""
        rate = f"{self._tally.rate:.1f}/s"
        self._bars.update(self._task, completed=self._tally.done, rate=rate, failures=failures)  # type: ignore[arg-type]


class _LogMeter:
    def __init__(self, stage: str, tally: Tally) -> None:
        self._stage, self._tally, self._last = stage, tally, time.monotonic()

    def advance(self, rows: int) -> None:
        self._tally.done += rows
        self._tally.fresh += rows
        if time.monotonic() - self._last >= LOG_EVERY_S:
            self.report()

    def failed(self) -> None:
        self._tally.failures += 1

    def report(self) -> None:
        """One plain line."""
        self._last = time.monotonic()
        t = self._tally
        remaining = f"{t.remaining_s:.0f}" if t.fresh else "unknown"
        message = "stage=%s done=%d/%d rate=%.1f/s eta_s=%s failures=%d"
        log.info(message, self._stage, t.done, t.total, t.rate, remaining, t.failures)
