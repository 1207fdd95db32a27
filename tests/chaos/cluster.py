"""Several real Ray nodes on loopback, started by `ray start`, that can be killed and added again.

The head has no CPUs, so that all work lies on the nodes that may be killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from higan_cam.runtime.cluster.head import UNCOUNTED
from tests.chaos.processes import Process, descendants, is_running, processes
from tests.support.waiting import wait_until

PORT, DASHBOARD_PORT = 6379, 8265
_STORE_BYTES = 100_000_000
_STARTS = 3
_BARE_START = """
from ray._private.node import Node
from ray.scripts.scripts import main
from higan_cam.runtime.cluster.head_process import without_idlers
Node.start_ray_client_server = lambda *_: None
with without_idlers():
    main()
"""
"""`ray start` without what serves no run (a dashboard, monitors, a server for drivers elsewhere) and takes its time."""


class ClusterError(RuntimeError):
    """Ray did not start; says what it printed."""


@dataclass(frozen=True)
class Node:
    """A worker node: its raylet and whatever runs below it."""

    raylet: int

    @property
    def workers(self) -> list[Process]:
        """Its worker processes, busy or idle."""
        return [process for process in descendants(self.raylet) if process.is_worker]


class Cluster:
    """A head and `count` worker nodes of `cpus` CPUs each. Must live in a namespace of its own.

    Attributes:
        nodes: worker nodes that are up.
        dashboard: whether the head has one, which `ray job submit` needs.
    """

    def __init__(self, folder: Path, *, count: int = 2, cpus: int = 1, dashboard: bool = False) -> None:
        self._folder, self._cpus, self.dashboard = folder, cpus, dashboard
        self.nodes: list[Node] = []
        head = ["--head", f"--port={PORT}", "--num-cpus=0", f"--temp-dir={folder}", "--disable-usage-stats"]
        shown = [f"--dashboard-port={DASHBOARD_PORT}", "--dashboard-host=127.0.0.1"] if dashboard else []
        self._start([*head, f"--include-dashboard={str(dashboard).lower()}", *shown])
        for _ in range(count):
            self.add_node()

    @property
    def address(self) -> str:
        """Where drivers join."""
        return f"127.0.0.1:{PORT}"

    def add_node(self) -> Node:
        """Start a worker node and wait until it is up."""
        node = Node(self._start([f"--address={self.address}", f"--num-cpus={self._cpus}"]))
        self.nodes.append(node)
        return node

    def stop(self) -> None:
        """End every process of the cluster."""
        for process in processes():
            if str(self._folder) in process.title or process.title.startswith("ray::"):
                process.send(signal.SIGKILL)

    def kill_raylet(self, node: Node) -> None:
        """SIGKILL the raylet alone, and wait until its workers have noticed."""
        below = descendants(node.raylet)
        self._forget(node)
        wait_until(lambda: not any(is_running(process.pid) for process in below), "workers of a killed raylet end")

    def kill_node(self, node: Node) -> None:
        """SIGKILL everything on the node at once, as when the machine goes."""
        below = descendants(node.raylet)
        self._forget(node)
        for process in below:
            process.send(signal.SIGKILL)

    def _forget(self, node: Node) -> None:
        self.nodes.remove(node)
        os.kill(node.raylet, signal.SIGKILL)

    def _start(self, arguments: list[str]) -> int:
        """`ray start`, again where a loaded machine was too slow for it; the new raylet's pid."""
        for attempt in range(1, _STARTS + 1):
            before = _raylets()
            program = ["-m", "ray.scripts.scripts"] if self.dashboard else ["-c", _BARE_START]
            command = [sys.executable, *program, "start", "--node-ip-address=127.0.0.1"]
            options = [f"--object-store-memory={_STORE_BYTES}", "--include-log-monitor=false", *arguments]
            result = subprocess.run(
                [*command, *options], env=environment(), capture_output=True, text=True, check=False
            )
            fresh = _raylets() - before
            if result.returncode == 0 and fresh:
                return fresh.pop()
            if attempt == _STARTS:
                raise ClusterError(f"ray start {' '.join(arguments)}: {result.stdout}{result.stderr}")
            if "--head" in arguments:  # half a head keeps the ports
                self.stop()
        raise AssertionError("unreachable")


def environment() -> dict[str, str]:
    """For Ray's programs and drivers: no token, no noise, one BLAS thread."""
    quiet = {"RAY_AUTH_MODE": "disabled", "RAY_BACKEND_LOG_LEVEL": "fatal", "OMP_NUM_THREADS": "1"}
    quiet |= UNCOUNTED | {"RAY_prestart_worker_first_driver": "0"}  # idle workers that no run asks for
    inherited = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return {**inherited, **quiet, "PYTHONUNBUFFERED": "1"}


def _raylets() -> set[int]:
    return {process.pid for process in processes() if "/raylet/raylet " in process.title}
