"""Where Ray is found, on a real one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray

from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.cluster.head import WORKER_ENVIRONMENT
from higan_cam.runtime.cluster.join import cluster
from tests.support.waiting import PATIENCE_S

PROGRAM = f"""
import os, ray, signal, time
from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.cluster.join import cluster, resources
from tests.chaos.processes import descendants
def seen(): return [os.environ.get(name) for name in {list(WORKER_ENVIRONMENT)!r}]
try:
    with cluster(RuntimeConfig()):
        print("processors", resources()[0])
        print(ray.get(ray.remote(seen).remote()), seen())
        works = ray.remote(lambda: time.sleep(600)).remote()
        next(process for process in descendants(os.getpid()) if "gcs_server" in process.title).send(signal.SIGKILL)
        ray.get(works)
except WorkersError as error:
    print(error)
"""
"""In the driver's own process: what is there, what a worker sees and the driver itself, and that it dies."""


@pytest.fixture(scope="module")
def told() -> list[str]:
    """Its three lines, where `ray start` has written down an address once: after a crash it is still there."""
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # short: sockets lie below it
        written = Path(folder) / "ray" / "ray_current_cluster"
        written.parent.mkdir()
        written.write_text("127.0.0.1:9")
        kept = {name: value for name, value in os.environ.items() if name not in {*WORKER_ENVIRONMENT, "RAY_ADDRESS"}}
        patient = {"RAY_gcs_rpc_server_reconnect_timeout_s": "100000"}  # would Ray end it by itself
        finished = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**kept, **patient, "RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.integration
def test_a_cluster_that_is_gone_is_not_waited_for(told: list[str]) -> None:
    """Ray alone would try its address for minutes."""
    assert told[0].startswith("processors ")


@pytest.mark.integration
def test_workers_have_one_thread_and_the_driver_keeps_its_environment(told: list[str]) -> None:
    assert told[1] == f"{list(WORKER_ENVIRONMENT.values())} {[None] * len(WORKER_ENVIRONMENT)}"


@pytest.mark.integration
def test_a_ray_in_the_drivers_own_process_that_dies_is_told(told: list[str]) -> None:
    assert told[2].startswith("Ray died on this machine: its gcs_server was ended by SIGKILL")


NODES = """
from ray.cluster_utils import Cluster
from higan_cam.config import RuntimeConfig
from higan_cam.runtime.cluster.join import cluster, resources
from higan_cam.runtime.plan import plan_crew
pairs = RuntimeConfig(gpus_per_worker=2)
nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0, "include_dashboard": False})
added = [nodes.add_node(num_cpus=2, num_gpus=3) for _ in range(2)]
with cluster(RuntimeConfig(address=nodes.address)):
    print(*resources(), plan_crew(pairs, *resources(), 100).workers, flush=True)
    nodes.remove_node(added[0])
    print(*resources(), plan_crew(pairs, *resources(), 100).workers, flush=True)
nodes.shutdown()
"""


@pytest.mark.slow
@pytest.mark.integration
def test_gpus_are_counted_node_by_node_and_those_of_a_node_that_left_no_more() -> None:
    """On three real nodes, whose GPUs only Ray believes in."""
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        finished = subprocess.run(
            [sys.executable, "-c", NODES],
            env={**environment, "RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-2:] == ["5.0 (3.0, 3.0) 2", "3.0 (3.0,) 1"]


def test_a_ray_that_does_not_come_up_is_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an overloaded machine really does this: Ray waits 30 s for its own node."""

    def overloaded(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", overloaded)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)  # the other tests' Ray is still up
    with pytest.raises(WorkersError, match="run the same command again"), cluster(RuntimeConfig()):
        pass
