"""What can go wrong, done for real to a run under way. Each returns a line that says what it did,
or None where the run was over before there was a victim."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from tests.chaos.cluster import Cluster
from tests.chaos.job import Job
from tests.chaos.outputs import Output
from tests.chaos.processes import Process, descendants, is_running, processes
from tests.support.s3_server import S3Server
from tests.support.waiting import wait_until


@dataclass
class Scene:
    """A run under way and what can be done to it.

    Attributes:
        disk: mount point of the small file system that the output lies on, where it does.
        server: where the output lies on S3.
        outage_s: how long the store or the disk is gone.
        stall_s: for how long a process is frozen unless the engine ends it before.
        others: further drivers that a fault started; each lives once.
    """

    cluster: Cluster
    output: Output
    job: Job
    disk: Path | None = None
    server: S3Server | None = None
    outage_s: float = 10.0
    stall_s: float = 20.0
    others: list[Job] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """A way to disturb a run.

    Attributes:
        inject: does it; says what it did, or None where it came too late.
        meaning: for the table.
        on: where the output has to lie (`any`: as the campaign likes).
        driver: joins the campaign's cluster; comes through `ray job submit`; or has a local Ray of its own.
    """

    inject: Callable[[Scene, Random], str | None]
    meaning: str
    on: Literal["any", "local", "s3"] = "any"
    driver: Literal["joined", "submitted", "alone"] = "joined"


def kill_worker(scene: Scene, random: Random) -> str | None:
    """Any worker process of Ray on a worker node, busy or idle."""
    return _kill(scene, random, lambda process: process.is_worker)


def kill_actor(scene: Scene, random: Random) -> str | None:
    """An actor of the project's own."""
    return _kill(scene, random, lambda process: process.is_actor)


def kill_raylet(scene: Scene, random: Random) -> str | None:
    """The raylet alone; its workers find out. Another node joins soon after."""
    node = random.choice(scene.cluster.nodes)
    scene.cluster.kill_raylet(node)
    return f"raylet {node.raylet}, {_replaced(scene, random)}"


def kill_node(scene: Scene, random: Random) -> str | None:
    """Every process of a node at once. Another node joins soon after."""
    node = random.choice(scene.cluster.nodes)
    count = len(node.workers)
    scene.cluster.kill_node(node)
    return f"raylet {node.raylet} and its {count} workers, {_replaced(scene, random)}"


def kill_driver(scene: Scene, random: Random) -> str | None:
    """The driver process; the same command follows."""
    scene.job.kill()
    return f"driver {scene.job.pid}"


def kill_supervisor(scene: Scene, random: Random) -> str | None:
    """The actor in which Ray keeps a submitted job; the same submission follows."""
    found = _wait_for(scene, lambda process: "JobSupervisor" in process.title)
    if not found:
        return None
    found[0].send(signal.SIGKILL)
    return f"{found[0].title.split()[0]} {found[0].pid}"


def kill_own_gcs(scene: Scene, random: Random) -> str | None:
    """The gcs_server of the run's own Ray; the same command follows, as in the next two."""
    return _kill_own(scene, "gcs_server")


def kill_own_raylet(scene: Scene, random: Random) -> str | None:
    """The raylet of the run's own Ray."""
    return _kill_own(scene, "raylet/raylet ")


def kill_own_head(scene: Scene, random: Random) -> str | None:
    """The process that holds the run's own Ray, which goes with it."""
    return _kill_own(scene, "head_process.py")


def freeze_actor(scene: Scene, random: Random) -> str | None:
    """SIGSTOP an actor until the engine has ended it, or for `stall_s`; then it goes on where it was."""
    found = _wait_for(scene, lambda process: process.is_actor)
    if not found:
        return None
    victim = random.choice(found)
    victim.send(signal.SIGSTOP)
    began = time.monotonic()
    with suppress(TimeoutError):
        wait_until(lambda: not is_running(victim.pid), "the engine ends it", scene.stall_s)
    seconds, ended = time.monotonic() - began, not is_running(victim.pid)
    victim.send(signal.SIGCONT)
    return f"{_name(victim)} frozen, {'ended by the engine' if ended else 'thawed'} after {seconds:.1f} s"


def fill_disk(scene: Scene, random: Random) -> str | None:
    """Take every free byte of the output's file system for a while."""
    if scene.disk is None:
        raise ValueError("this fault needs an output on a file system of its own")
    filler, taken = scene.disk / "filler", 0
    with suppress(OSError), filler.open("wb", buffering=0) as handle:
        for size in (1 << 16, 1 << 10, 1):
            with suppress(OSError):
                while written := handle.write(b"\0" * size):
                    taken += written
    free = os.statvfs(scene.disk).f_bavail
    time.sleep(scene.outage_s)
    filler.unlink()
    return f"{taken} bytes taken, {free} blocks left, for {scene.outage_s:g} s"


def drop_store(scene: Scene, random: Random) -> str | None:
    """Kill the S3 gateway, or freeze it so that requests hang, for a while."""
    if scene.server is None:
        raise ValueError("this fault needs an output on S3")
    server, frozen = scene.server.server, random.random() < 0.5
    (server.pause if frozen else server.drop)()
    time.sleep(scene.outage_s)
    (server.resume if frozen else server.restore)()
    return f"gateway {'frozen' if frozen else 'killed'} for {scene.outage_s:g} s"


def second_driver(scene: Scene, random: Random) -> str | None:
    """The same command a second time, as soon as the first has said that it holds the lease; it must refuse or wait."""
    wait_until(lambda: not scene.job.is_running or " lease=" in scene.job.log.read_text(), "the first holds the lease")
    if not scene.job.is_running:
        return None
    log = scene.job.log.with_suffix(".second.log")
    second = Job(scene.job.command, log)
    second.start()
    scene.others.append(second)
    return f"driver {scene.job.pid} joined by {second.pid}"


FAULTS = {
    "worker": Fault(kill_worker, "`kill -9` a Ray worker process, busy or idle"),
    "actor": Fault(kill_actor, "`kill -9` a labelling or masking actor"),
    "raylet": Fault(kill_raylet, "`kill -9` a raylet; a node joins later"),
    "node": Fault(kill_node, "`kill -9` a whole node at once; a node joins later"),
    "driver": Fault(kill_driver, "`kill -9` the driver; same command again"),
    "supervisor": Fault(
        kill_supervisor, "`kill -9` the supervisor of a submitted job; submitted again", driver="submitted"
    ),
    "own-gcs": Fault(kill_own_gcs, "`kill -9` the gcs_server of a run's own Ray; same command again", driver="alone"),
    "own-raylet": Fault(kill_own_raylet, "`kill -9` its raylet; same command again", driver="alone"),
    "own-head": Fault(kill_own_head, "`kill -9` the process that holds it; same command again", driver="alone"),
    "freeze": Fault(freeze_actor, "`SIGSTOP` an actor for longer than the hang timeout"),
    "disk": Fault(fill_disk, "the output's disk is full for a while", on="local"),
    "store": Fault(drop_store, "the S3 gateway is gone or hangs for a while", on="s3"),
    "two": Fault(second_driver, "a second driver on the same output"),
}


def _kill(scene: Scene, random: Random, chosen: Callable[[Process], bool]) -> str | None:
    found = _wait_for(scene, chosen)
    if not found:
        return None
    victim = random.choice(found)
    victim.send(signal.SIGKILL)
    return f"{_name(victim)} {victim.pid}"


def _kill_own(scene: Scene, part: str) -> str | None:
    """The process of the driver's own Ray whose command line has that part."""
    found: list[Process] = []

    def look() -> bool:
        found[:] = [process for process in descendants(scene.job.pid) if part in process.title]
        return bool(found) or not scene.job.is_running

    wait_until(look, "the driver's own Ray is up")
    if not found:
        return None
    found[0].send(signal.SIGKILL)
    return f"{part.strip()} {found[0].pid} of driver {scene.job.pid}"


def _wait_for(scene: Scene, chosen: Callable[[Process], bool]) -> list[Process]:
    """Such processes, oldest first; waits for the first while the driver lives."""
    found: list[Process] = []

    def look() -> bool:
        below = processes() if scene.cluster.dashboard else [p for node in scene.cluster.nodes for p in node.workers]
        found[:] = sorted((process for process in below if chosen(process)), key=lambda process: process.pid)
        return bool(found) or not scene.job.is_running

    wait_until(look, "a victim appears")
    return found


def _replaced(scene: Scene, random: Random) -> str:
    time.sleep(random.uniform(0, 3))
    return f"then raylet {scene.cluster.add_node().raylet} joined"


def _name(process: Process) -> str:
    return process.title.split(" ")[0][:60]
