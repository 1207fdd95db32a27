"""One command, started again until it succeeds, as a person, a cron job or KubeRay's `backoffLimit` would."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.chaos.cluster import DASHBOARD_PORT, environment

RESTARTS = 6
_PAUSE_S = 2.0
"""Between the end of a command that failed and its next start."""


@dataclass
class Job:
    """A driver, alive or between two lives.

    Attributes:
        command: what is run, each time the same.
        log: file that all its lives write to.
        exits: exit status of every life that has ended; negative for a signal.
    """

    command: list[str]
    log: Path
    exits: list[int] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _handle: IO[bytes] | None = None

    def start(self) -> None:
        """Begin a life."""
        self._handle = self.log.open("ab")
        self._process = subprocess.Popen(
            self.command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Of the present life."""
        if self._process is None:
            raise RuntimeError("the job is not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the present life goes on."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL the driver process, and nothing else."""
        if self._process is not None:
            self._process.kill()

    def finish(self, deadline: float) -> bool:
        """Until one life ends with status 0, starting others as needed; False when there is no time for more."""
        while self.end(deadline) != 0:
            if time.monotonic() > deadline or len(self.exits) > RESTARTS:
                return False
            time.sleep(_PAUSE_S)
            self.start()
        return True

    def end(self, deadline: float) -> int:
        """The exit status of the present life, which is killed at the deadline (`time.monotonic()`)."""
        if self._process is None or self._handle is None:
            raise RuntimeError("the job is not started")
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
        self.exits.append(self._process.wait())
        self._handle.close()
        return self.exits[-1]

    def tail(self, lines: int = 40) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def run_command(output: str, address: str, overrides: tuple[str, ...]) -> list[str]:
    """`higan-cam run` on the cluster at that address."""
    return [sys.executable, "-m", "higan_cam", "run", *_options(output, address, overrides)]


def submit_command(output: str, address: str, overrides: tuple[str, ...]) -> list[str]:
    """The same through `ray job submit`, which waits for its end; the driver then lives below the job's supervisor."""
    ray = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit"]
    entry = [sys.executable, "-m", "jobs.make_mask_dataset", *_options(output, address, overrides)]
    return [*ray, "--address", f"http://127.0.0.1:{DASHBOARD_PORT}", "--", *entry]


def _options(output: str, address: str, overrides: tuple[str, ...]) -> list[str]:
    fields = (f"runtime.address={address}", *overrides)
    return ["--output", output, *(word for override in fields for word in ("--set", override))]
