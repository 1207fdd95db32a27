"""A program of its own: Ray for one machine, up until the process that wants it closes our standard input, or is gone.

Lines to the process that started it, in JSON: {"address": where Ray is}, or {"error": why it is not up}; later perhaps
{"died": which of Ray's processes ended, and how}.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NEEDED = ("gcs_server", "raylet")
"""As Ray calls them. The others (monitor, dashboard, log monitor) serve no run."""
_IDLERS = ("start_log_monitor", "start_monitor", "start_api_server")
"""What starts those, as a node of Ray's calls it."""
_LOOK_S = 0.5


def main() -> None:
    """Start Ray, say where, and wait."""
    # The answer goes out on a descriptor that nothing of Ray's inherits or prints to; its output joins its errors.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        import ray

        with without_idlers():
            context = ray.init(
                address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
            )
        answer = {"address": context.address_info["gcs_address"]}
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process tells the user
        answer = {"error": f"{type(error).__name__}: {error}"}
    _say(answers, answer)
    if "address" not in answer:
        return
    while not _unwanted(_LOOK_S):
        died = died_here()
        if died is not None:
            _say(answers, {"died": died})
            sys.stdin.read()
            os.killpg(0, signal.SIGKILL)  # half a Ray would be waited for; its workers end with its raylet
    ray.shutdown()


@contextmanager
def without_idlers() -> Iterator[None]:
    """A Ray that starts in the block is without what it runs beside, and no run needs: monitors and the dashboard.

    Even a dashboard that is not asked for is started and waited for, and they look at logs and processes all the time
    (tests/benchmarks/README.md, "Start-up").
    """
    from ray._private.node import Node

    # Private to Ray; what it calls otherwise one day is started again.
    there = {name: method for name in _IDLERS if (method := getattr(Node, name, None)) is not None}
    for name in there:
        setattr(Node, name, lambda *_, **__: None)
    try:
        yield
    finally:
        for name, method in there.items():
            setattr(Node, name, method)


def died_here() -> str | None:
    """Which process of the Ray that this one has started has ended, and how; None while all that is needed lives."""
    from ray._private import worker

    node = worker._global_node
    ended = [] if node is None else node.dead_processes()
    return next((f"its {name} {ending(process.returncode)}" for name, process in ended if name in _NEEDED), None)


def ending(status: int) -> str:
    """How a process ended, in words, from its status as `subprocess` gives it."""
    if status >= 0:
        return f"ended with status {status}"
    if status == -signal.SIGKILL:
        return "was ended by SIGKILL, which the kernel does where memory runs out"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def _unwanted(wait_s: float) -> bool:
    """Whether the other process has closed our input, or is gone, within the time."""
    return bool(select.select([sys.stdin], [], [], wait_s)[0])


def _say(answers: int, answer: dict[str, str]) -> None:
    with suppress(BrokenPipeError):  # the other process is gone; so is our input
        os.write(answers, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
