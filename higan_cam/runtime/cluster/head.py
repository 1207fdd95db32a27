"""Where Ray is found, and a local one that comes up in a process of its own, while this one imports PyTorch.

A thread beside the import would be simpler and is not safe: tests/benchmarks/README.md, "Start-up". Nothing here
imports ray, so that the other process begins at once.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import IO, cast

from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.cluster.head_process import ending

LOCAL = "local"
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""For every worker process: one BLAS thread, and a glibc that keeps freed activation buffers (halves a CPU forward) and
asks for huge pages (a quarter more labels a second on a virtual machine: tests/benchmarks/README.md)."""
TOO_SLOW = "timed out during startup"
"""What Ray says after waiting 30 s for its own node."""
QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal"}
"""For the driver, and for all processes of a local Ray: notes on Ray Data's own actors help no user."""
UNCOUNTED = {"RAY_USAGE_STATS_ENABLED": "0"}
"""For the driver of a local Ray, as Ray has it where it starts by itself: no actor that gathers what is never sent."""
_PROGRAM = Path(__file__).with_name("head_process.py")
_STOP_S = 30.0
_TRIES = 3
"""Times that Ray may be too slow for itself: it waits no longer on a busy machine, so it is started again."""


class Head:
    """Ray on this machine, perhaps not up yet."""

    def __init__(self, start: Callable[[], subprocess.Popen[str]], errors: IO[str]) -> None:
        self._start, self._errors = start, errors
        self._process = start()

    @cached_property
    def address(self) -> str:
        """Of Ray, once it is up. WorkersError: it does not come up."""
        answer = self._answer()
        for _ in range(_TRIES - 1):
            if TOO_SLOW not in answer.get("error", ""):
                break
            self._kill()
            self._process.communicate()
            self._process = self._start()
            answer = self._answer()
        if "error" in answer:
            raise did_not_come_up(answer["error"])
        return answer["address"]

    def _answer(self) -> dict[str, str]:
        """The process' first line, or what it ended with instead."""
        line = cast(IO[str], self._process.stdout).readline()
        try:
            answer: dict[str, str] = json.loads(line)
        except ValueError:
            return {"error": f"its process ended with status {self._process.wait()}: {self._last_error()}"}
        return answer

    def died(self) -> str | None:
        """What of Ray has ended, once it was up, and how; None while it lives. Not to be asked again after that."""
        answers = cast(IO[str], self._process.stdout)
        told = select.poll()
        told.register(answers, select.POLLIN)
        if not told.poll(0):
            return None
        line = answers.readline()
        if line:
            return str(json.loads(line)["died"])
        os.killpg(self._process.pid, signal.SIGKILL)  # before it is waited for: the number is still its own
        return f"the process that holds it {ending(self._process.wait())}"

    def stop(self) -> None:
        """End Ray and all that runs on it; nothing the second time. What is only coming up is not waited for."""
        if cast(IO[str], self._process.stdout).closed:
            return
        if "address" not in self.__dict__:
            self._kill()
        try:
            self._process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.communicate()

    def _kill(self) -> None:
        """SIGKILL to the process and to what it is just starting; the kernel ends what it has started before."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _last_error(self) -> str:
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["it wrote nothing"])[-1]


@contextmanager
def local_head(runtime: RuntimeConfig) -> Iterator[Head | None]:
    """Begin to start Ray on this machine; it ends with the block, or with this process, whatever ends that.

    None where the run joins a cluster, or has imported ray already: `join.cluster` then does what is left. What the
    block finds wrong before it asks for the address has started a Ray in vain.
    """
    if ray_address(runtime) != LOCAL or "ray" in sys.modules:
        yield None
        return
    # Ray's own default (since 2.59) where it starts in the driver's process.
    tokens = unless_set({"RAY_AUTH_MODE": "token"})
    inherited = dict(os.environ)
    with environment(tokens | _no_worker()), tempfile.TemporaryFile("w+", errors="replace") as errors:
        start = partial(
            subprocess.Popen,
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**WORKER_ENVIRONMENT, **QUIET, **tokens, **inherited},
            start_new_session=True,  # Ctrl-C is for the driver, which stops its work before Ray
        )
        head = Head(start, errors)
        try:
            yield head
        finally:
            head.stop()


def _no_worker() -> dict[str, str]:
    """For the driver, before it imports ray: the process by which Ray tells a worker whose raylet has gone is itself.

    Left to itself, Ray goes by the parent's number: where that is 1, as under `nohup` or a container's init, the driver
    is such a worker to it, and ends without a word once the raylet has died.
    """
    return {"RAY_RAYLET_PID": str(os.getpid())}


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
    return WorkersError(f"Ray did not come up on this machine ({why}). {_way_out(why)}")


def _way_out(why: str) -> str:
    """Advice that fits the reason."""
    if "AF_UNIX" in why or "path length" in why:
        return "Its sockets lie below the folder of temporary files: set RAY_TMPDIR to a shorter one, such as /tmp"
    if "uv run" in why or "pyproject.toml" in why:
        return "Start it in the project's folder, or set RAY_ENABLE_UV_RUN_RUNTIME_ENV=0"
    if "No space left" in why:
        return "Make room in the folder of temporary files, or set RAY_TMPDIR to another one"
    return (
        "If too much else is running here, run the same command again when it is quieter, or join a cluster with "
        "runtime.address"
    )
