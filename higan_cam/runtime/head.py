"""Where Ray is found, and a local one that comes up in a process of its own, while this one imports PyTorch.

A thread beside the import would be simpler and is not safe: tests/benchmarks/NOTES.md, "Start-up". Nothing here imports
ray, so that the other process begins at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError

LOCAL = "local"
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}
"""For every worker process: one BLAS thread, and a glibc that keeps freed activation buffers (halves a CPU forward)."""
_PROGRAM = Path(__file__).with_name("head_process.py")
TOO_SLOW = "timed out during startup"
"""What Ray says after waiting 30 s for its own node."""
QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal"}
"""For every process of Ray's: its notes on Ray Data's own actors help no user."""
UNCOUNTED = {"RAY_DATA_USAGE_DISABLED": "1"}
"""For the driver of a local Ray, whose usage statistics are never sent: no actor that gathers them."""
_PROGRAM = Path(__file__).with_name("head_process.py")
TOO_SLOW = "timed out during startup"
"""What Ray says after waiting 30 s for its own node."""
QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_DATA_USAGE_DISABLED": "1"}
"""For a local Ray: its notes on Ray Data's own actors help no user, and it gathers statistics that it never sends."""
_STOP_S = 30.0


class Head:
    """Ray on this machine, perhaps not up yet."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @cached_property
    def address(self) -> str:
        """Of Ray, once it is up. WorkersError: it does not come up."""
        answers = cast(IO[str], self._process.stdout)
        line = answers.readline()
        if not line:
            raise did_not_come_up(f"its process ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise did_not_come_up(answer["error"])
        return str(answer["address"])

    def stop(self) -> None:
        """End Ray and everything that runs on it. What is only coming up is not waited for."""
        if "address" not in self.__dict__:
            self._process.kill()  # the kernel ends what it has started so far
        try:
            self._process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@contextmanager
def local_head(runtime: RuntimeConfig) -> Iterator[Head | None]:
    """Begin to start Ray on this machine; it ends with the block, or with this process, whatever ends that.

    None where the run joins a cluster, or has imported ray already: `cluster.cluster` then does what is left.
    """
    if ray_address(runtime) != LOCAL or "ray" in sys.modules:
        yield None
        return
    # Ray's default for a local cluster, which it would set by itself if it started here; read when ray is imported.
    with environment(unless_set({"RAY_AUTH_MODE": "token"})):
        head = Head(
            subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**WORKER_ENVIRONMENT, **os.environ},
                start_new_session=True,  # Ctrl-C is for the driver, which stops its work before Ray
            )
        )
        try:
            yield head
        finally:
            head.stop()


def ray_address(runtime: RuntimeConfig) -> str:
    """Of the cluster to join, or `LOCAL`.

    Left to itself, Ray joins whatever `ray start` last wrote down on this machine, and waits minutes if it is gone.
    """
    return runtime.address or os.environ.get("RAY_ADDRESS") or LOCAL


def unless_set(variables: dict[str, str]) -> dict[str, str]:
    """The variables, but with the user's value of those that are set."""
    return {name: os.environ.get(name, value) for name, value in variables.items()}


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """These variables in the environment of this process and of those that the block starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def did_not_come_up(why: str) -> WorkersError:
    """The error for a local Ray that is not there; the way out is for a machine that is busy, the usual cause."""
    if TOO_SLOW in why:
        why = "not within its 30 s"
    return WorkersError(
        f"Ray did not come up on this machine ({why}). If too much else is running here, "
        "run the same command again when it is quieter, or join a cluster with runtime.address"
    )
