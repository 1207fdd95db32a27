"""Workers of the test session's Ray, forked from a process that has imported what they need.

PyTorch, Ray Data and the stages are three seconds of CPU in each of the hundreds of worker processes that the runs of a
session start, the same every time. That workers come up from nothing is shown by the tests whose runs have a Ray of
their own: `higan-cam run` in a process of its own, clusters, jobs.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from higan_cam.runtime.cluster.head import WORKER_ENVIRONMENT, environment
from higan_cam.runtime.imports import quick_imports
from tests.support import forked_worker

PRELOADED = (
    "ray._private.workers.default_worker",
    "ray.data._internal.execution.operators.actor_pool_map_operator",
    "ray.data._internal.stats",
    "higan_cam.runtime.run",
    "higan_cam.runtime.light",
    "higan_cam.runtime.upscale",
    "torch._dynamo",  # for the first step of any optimiser
)


_ORDER_S = 10.0
"""Wait for a worker's order, which it sends at once."""


@contextmanager
def forked_workers() -> Iterator[None]:
    """The first Ray that starts in the block has its workers forked, by a process that ends with the block."""
    from ray._private.parameter import RayParams
    from ray._private.workers import default_worker

    known = RayParams.update_if_absent

    def with_our_program(self: Any, **defaults: Any) -> None:
        if "worker_path" in defaults:  # for one Ray: what it tells its workers by the environment is read once
            RayParams.update_if_absent = known
            defaults["worker_path"] = forked_worker.__file__
        known(self, **defaults)

    with forking_process(default_worker.__file__, PRELOADED):
        RayParams.update_if_absent = with_our_program  # private to Ray
        try:
            yield
        finally:
            RayParams.update_if_absent = known


@contextmanager
def forking_process(program: str, preloaded: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Forks this program, with these modules imported, for each `forked_worker` that is started in the block.

    Where it ends before the block does, a `forked_worker` becomes the program.
    """
    # Names of sockets are short: who has told Ray where they fit has told us.
    with tempfile.TemporaryDirectory(prefix="fork-", dir=os.environ.get("RAY_TMPDIR")) as folder:
        address = str(Path(folder) / "socket")
        with environment({forked_worker.ADDRESS: address, forked_worker.PROGRAM: program}):
            with socket.socket(socket.AF_UNIX) as listening:  # open in that process alone: nobody listens after it
                listening.bind(address)
                listening.listen(64)
                forking = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(listening.fileno()), *preloaded],
                    env={**WORKER_ENVIRONMENT, **os.environ},
                    stdin=subprocess.PIPE,
                    pass_fds=(listening.fileno(),),
                    start_new_session=True,  # Ctrl-C is for pytest
                )
            try:
                yield forking
            finally:
                forking.communicate()


def main(listening: socket.socket, preloaded: Sequence[str]) -> None:
    """Fork until standard input ends; a child goes on as a worker."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    order = _next_worker(listening, preloaded)
    if order is None:
        os._exit(0)  # Triton would list at length what it has left behind
    os.setpgid(0, 0)  # as Ray's own: with a worker ends what is left of its group
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _go_to(order)
    sys.argv[1:] = order["arguments"]
    runpy.run_path(os.environ[forked_worker.PROGRAM], run_name="__main__")


def _next_worker(listening: socket.socket, preloaded: Sequence[str]) -> dict[str, Any] | None:
    """In a child: what it has to be. In the process itself: None, once nobody wants more."""
    loaded = False
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if listening not in ready:
            return None
        client, _ = listening.accept()
        with client:
            order, files = _received(client)
            if order is None:
                continue
            if not loaded:
                _load(order, preloaded)  # where it fails, this process ends, and workers start as Ray starts them
                loaded = True
            child = os.fork() if _still_wanted(client) else None
        for number, file in enumerate(files):
            if child == 0:
                os.dup2(file, number)
            os.close(file)
        if child == 0:
            listening.close()
            return order


def _received(client: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """A worker's order and its open files; None of one that has died meanwhile."""
    files: list[int] = []
    client.settimeout(_ORDER_S)
    try:
        length, files, _, _ = socket.recv_fds(client, 4, 3)
        with client.makefile("rb") as body:
            return json.loads(body.read(int.from_bytes(length, "big"))), files
    except (OSError, ValueError):
        for file in files:
            os.close(file)
        return None, []


def _still_wanted(client: socket.socket) -> bool:
    """Tell it that its worker comes. False: it has died, or become its worker itself."""
    try:
        client.sendall(b"1")
    except OSError:
        return False
    return True


def _load(order: dict[str, Any], preloaded: Sequence[str]) -> None:
    """Import, in the environment of the first worker: what Ray is told by it, such as its token, it reads once."""
    _go_to(order)
    with quick_imports():
        for name in preloaded:
            import_module(name)
    gc.freeze()


def _go_to(order: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
