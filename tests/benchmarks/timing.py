"""Ratios between two ways to do the same thing, measured side by side in one run, and the machine they ran on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

ENVIRONMENT: Mapping[str, str] = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
    "RAY_worker_niceness": "0",
}
"""The same for both sides: one thread, and glibc keeps freed activation buffers instead of unmapping them.

Ray's workers run at the bare loop's priority; at Ray's own (15) whatever else the machine does slows only them.
"""
VERSIONS = ("torch", "numpy", "scikit-learn", "opencv-python-headless", "ray")


@dataclass(frozen=True)
class SpeedRow:
    """One comparison.

    Attributes:
        name: of what is compared.
        ratios: one per repeat, as `meaning` says; both sides of a repeat run right after each other.
        ours, other: median seconds per item of both sides.
        meaning: what the ratio divides by what.
        target: the bound; sense: on which side of it the median must lie.
        note: what was checked, and how it was measured.
    """

    name: str
    ratios: tuple[float, ...]
    ours: float
    other: float
    meaning: str
    target: float
    sense: Literal[">=", "<="]
    note: str = ""

    @property
    def median(self) -> float:
        """Of the ratios."""
        return float(np.median(self.ratios))

    @property
    def met(self) -> bool:
        """Whether the median reaches the target."""
        return self.median >= self.target if self.sense == ">=" else self.median <= self.target


def cpu_seconds(work: Callable[[], object], times: int = 1) -> float:
    """CPU seconds of this process per call; other processes on the machine disturb it less than the wall clock."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times


def side_by_side(
    ours: Callable[[], object], other: Callable[[], object], repeats: int, times: tuple[int, int] = (1, 1)
) -> tuple[list[float], list[float]]:
    """CPU seconds of both, `repeats` each, alternating which goes first, after one warm-up of each."""
    ours()
    other()
    left: list[float] = []
    right: list[float] = []
    for repeat in range(repeats):
        sides = [(ours, left, times[0]), (other, right, times[1])]
        for work, seconds, count in sides if repeat % 2 == 0 else sides[::-1]:
            seconds.append(cpu_seconds(work, count))
    return left, right


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, load, system and versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in VERSIONS},
        "environment": {name: os.environ.get(name, "") for name in ENVIRONMENT},
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
