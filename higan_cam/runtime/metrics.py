"""What a run counts for Prometheus, through Ray: every node serves its processes' figures at its metrics export port.

    ray_higan_cam_samples_total{stage}                  samples committed                             (driver)
    ray_higan_cam_failures_total{stage}                 attempts at a unit that failed, each retried  (driver, workers)
    ray_higan_cam_quarantined_total{stage}              units given up                                (driver, workers)
    ray_higan_cam_phase_seconds{stage,phase}            histogram of the seconds per unit and phase   (workers)
    ray_higan_cam_phase_busy_seconds_total{stage,phase} their exact sum (Ray takes each observation for the middle of
                                                        its bucket)

Ray adds the prefix `ray_` and labels for node, session and worker. Without Ray nothing is counted and nothing fails.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from ray.util.metrics import Counter, Histogram

PHASE_BOUNDARIES_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


def count_samples(stage: str, samples: int) -> None:
    """`samples` more samples of a stage are committed."""
    if samples > 0:  # Ray refuses to add nothing
        _counter("samples", "Samples committed").inc(samples, {"stage": stage})


def count_failure(stage: str) -> None:
    """An attempt at a unit failed."""
    _counter("failures", "Attempts at a unit that failed").inc(1, {"stage": stage})


def count_quarantined(stage: str) -> None:
    """A unit was given up."""
    _counter("quarantined", "Units given up").inc(1, {"stage": stage})


@contextmanager
def phase(stage: str, name: str) -> Iterator[None]:
    """Times the block as one phase of a unit; a block that raises is not counted."""
    began = time.monotonic()
    yield
    seconds, tags = time.monotonic() - began, {"stage": stage, "phase": name}
    _histogram().observe(seconds, tags)
    if seconds > 0:
        _counter("phase_busy_seconds", "Seconds spent in a phase", ("stage", "phase")).inc(seconds, tags)


@cache
def _counter(name: str, description: str, tags: tuple[str, ...] = ("stage",)) -> Counter:
    """Made at first use, once per process."""
    return Counter(f"higan_cam_{name}", description=description, tag_keys=tags)


@cache
def _histogram() -> Histogram:
    return Histogram(
        "higan_cam_phase_seconds",
        description="Seconds per unit and phase",
        boundaries=list(PHASE_BOUNDARIES_S),
        tag_keys=("stage", "phase"),
    )
