"""Where the time from the command to the first shard goes, and how much memory each kind of process takes at most."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.timing import ENVIRONMENT

RAY_ALONE = "import ray; ray.init(address='local', include_dashboard=False, log_to_driver=False); print('up')"
SMALL = ("label.count=64", "label.shard_size=16", "boundary.tails=16", "mask.count=16", "mask.shard_size=16")
REPEATS = 5
SETTLE_S = 5.0
"""Seconds in which the processes of the Ray before end."""
COUNTS = (1_000, 4_000, 16_000)
KINDS = {
    "driver": re.compile(r"-m (higan_cam|jobs\.\w+) "),
    "labelling actor": re.compile(r"^ray::MapWorker"),
    "inverting actor": re.compile(r"^ray::InvertWorker"),
    "masking actor": re.compile(r"^ray::MaskWorker"),
    "ledger": re.compile(r"^ray::LedgerActor"),
    "Ray's starter": re.compile(r"head_process\.py"),
}


@dataclass(frozen=True)
class StartRow:
    """Seconds from the command until something was there, once for each repeat."""

    what: str
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class PeakRow:
    """The most memory that one process of each kind had resident, MB, in a run of `samples` labelled and masked."""

    samples: int
    peak_mb: dict[str, float]


def measure_start() -> list[StartRow]:
    """Ray alone and a run in turn: its first words, the beginning of the stage, the first committed shard."""
    alone, milestones = [], []
    for _ in range(REPEATS):
        alone.append(_until(RAY_ALONE, "up"))
        time.sleep(SETTLE_S)
        milestones.append(_milestones())
        time.sleep(SETTLE_S)
    words, begins, first = zip(*milestones, strict=True)
    return [
        StartRow("ray.init alone, in a process of its own", tuple(alone)),
        StartRow("the command's first line (imports, networks and output looked at)", words),
        StartRow("labelling begins (Ray is up)", begins),
        StartRow("first shard of 16 committed (workers started, networks loaded)", first),
        StartRow("beyond ray.init", tuple(one - other for one, other in zip(first, alone, strict=True))),
    ]


def _milestones() -> tuple[float, float, float]:
    """Seconds from a command until its first words, until its stage begins, and until its first shard is committed."""
    with tempfile.TemporaryDirectory(prefix="start-") as folder:
        command = [sys.executable, "-m", "higan_cam", "label", "--output", f"{folder}/run", *sets(*SMALL)]
        began, wall = time.monotonic(), time.time()
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=_users()
        ) as process:
            seen: dict[str, float] = {}
            for line in process.stderr or ():
                for word in ("output=", "stage=label begins"):
                    if word in line:
                        seen.setdefault(word, time.monotonic() - began)
        first = min(path.stat().st_mtime for path in Path(folder).rglob("manifest/*.json")) - wall
    return seen["output="], seen["stage=label begins"], first


def measure_peaks() -> list[PeakRow]:
    """Runs of growing size, every process looked at five times a second."""
    return [PeakRow(count, _peaks(count)) for count in COUNTS]


def start_table(rows: list[StartRow]) -> Any:
    """For a terminal."""
    from rich.table import Table

    table = Table("what", "min", "median", "max", title="From the command to the first shard, wall seconds", box=None)
    for row in rows:
        table.add_row(row.what, *(f"{pick(row.seconds):.1f}" for pick in (min, median, max)))
    return table


def peak_table(rows: list[PeakRow]) -> Any:
    """For a terminal."""
    from rich.table import Table

    kinds = [kind for kind in KINDS if any(kind in row.peak_mb for row in rows)]
    table = Table("samples", *kinds, title="Most memory of one process, MB resident", box=None)
    for row in rows:
        table.add_row(f"{row.samples:,}", *(f"{row.peak_mb.get(kind, 0.0):.0f}" for kind in kinds))
    return table


def _until(code: str, word: str) -> float:
    """Seconds until a Python process with this code prints the word."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_users()
    ) as process:
        for line in process.stdout or ():
            if word in line:
                return time.monotonic() - began
    raise RuntimeError(f"{code!r} never printed {word!r}")


def _users() -> dict[str, str]:
    """The environment without what the benchmarks set for themselves."""
    return {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}


def _peaks(count: int) -> dict[str, float]:
    sizes = (f"label.count={count}", f"boundary.tails={count // 5}", f"mask.count={count // 4}")
    with tempfile.TemporaryDirectory(prefix="peaks-") as folder:
        command = [sys.executable, "-m", "higan_cam", "run", "--output", f"{folder}/run"]
        return peaks_of([*command, *sets(*sizes, "label.shard_size=250", "mask.shard_size=50")])


def peaks_of(command: list[str]) -> dict[str, float]:
    """The most MB that one process of each kind had resident while the command ran.

    Raises:
        RuntimeError: it failed.
    """
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        peaks: dict[str, float] = {}
        while process.poll() is None:
            for kind, peak in _resident(process.pid):
                peaks[kind] = max(peaks.get(kind, 0.0), peak)
            time.sleep(0.2)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
    return peaks


def _resident(driver: int) -> Iterator[tuple[str, float]]:
    """Kind and peak resident MB (VmHWM) of the driver and of all Ray workers below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "status").read_text()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it ended meanwhile
                continue
            parent = re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)
            parents[int(entry.name)] = (int(parent[1]) if parent else 0, words, status)
    for pid, (_, words, status) in parents.items():
        peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        kind = next((kind for kind, pattern in KINDS.items() if pattern.search(words)), None)
        if peak and kind and (pid == driver or _descends(pid, driver, parents)):
            yield kind, int(peak[1]) / 1024


def _descends(pid: int, ancestor: int, parents: dict[int, tuple[int, str, str]]) -> bool:
    while pid in parents and pid != ancestor:
        pid = parents[pid][0]
    return pid == ancestor


def sets(*fields: str) -> list[str]:
    """`--set` for each field."""
    return [word for field in fields for word in ("--set", field)]
