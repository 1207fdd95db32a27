"""Processes as /proc shows them: enough to find a victim."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
_ACTORS = ("LabelWorker", "InvertWorker", "MaskWorker")


@dataclass(frozen=True)
class Process:
    """A process that is not a zombie; `title` is its command line, which Ray rewrites for workers (`ray::…`)."""

    pid: int
    parent: int
    title: str

    @property
    def is_worker(self) -> bool:
        """Whether it is a worker process of Ray, busy or idle."""
        return self.title.startswith("ray::") and not self.title.startswith(_SYSTEM)

    @property
    def is_actor(self) -> bool:
        """Whether it holds one of the project's own actors (by itself, or inside one of Ray Data's)."""
        return self.is_worker and any(name in self.title for name in _ACTORS)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has just ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def processes() -> list[Process]:
    """Every living process of this namespace."""
    found = (_read(path) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [process for process in found if process is not None]


def descendants(pid: int) -> list[Process]:
    """Children of a process, their children and so on."""
    everything, wanted = processes(), {pid}
    below: list[Process] = []
    while fresh := [process for process in everything if process.parent in wanted]:
        below += fresh
        wanted = {process.pid for process in fresh}
    return below


def is_running(pid: int) -> bool:
    """Whether the process lives; a zombie does not."""
    return _read(Path(f"/proc/{pid}")) is not None


def _read(path: Path) -> Process | None:
    try:
        state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
        title = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (OSError, ValueError):  # it has just ended
        return None
    return None if state == "Z" else Process(int(path.name), int(parent), title)
