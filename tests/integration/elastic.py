"""Stages on a cluster that a node joins and leaves in each of them; for a namespace of its own (test_elasticity.py).

Prints JSON: which node began which shard, by stage, in the order in which they did.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import ray

from higan_cam.config import load_config
from higan_cam.runtime.run import run_stages
from higan_cam.runtime.stages import label as label_stage
from higan_cam.runtime.stages import mask as mask_stage
from higan_cam.runtime.workers.label import LabelWorker
from higan_cam.runtime.workers.mask import MaskWorker
from higan_cam.types import WorkUnit
from tests.chaos.cluster import Cluster
from tests.support.small_runs import SMALL
from tests.support.waiting import wait_until

KINDS = {"label": (label_stage, LabelWorker, "label"), "mask": (mask_stage, MaskWorker, "heat")}
"""Where a stage looks up its worker, and the method of it that begins a unit."""


def recording(kind: type, method: str, folder: Path) -> type:
    """A worker of that kind that writes down where it begins each unit.

    The node that was there first waits, from its second unit on, until another one has begun a unit; that one goes on
    with its unit for ever, so that it is in flight when the node is killed.
    """

    def recorded(self: Any, unit: WorkUnit, *rest: Any) -> Any:
        here = ray.get_runtime_context().get_node_id()
        (folder / f"{time.time_ns()}-{kind.__name__}-{unit.shard}-{here}").touch()
        before = begun(folder, kind)
        if here != before[0][1]:
            threading.Event().wait()
        if len(before) > 1:
            wait_until(lambda: visited(folder, kind), "another node works")
        return getattr(kind, method)(self, unit, *rest)

    return type(f"Recording{kind.__name__}", (kind,), {method: recorded})


def begun(folder: Path, kind: type) -> list[tuple[int, str]]:
    """(shard, node) of every attempt, in order."""
    parts = [path.name.split("-") for path in sorted(folder.iterdir())]
    return [(int(shard), node) for _, name, shard, node in parts if name == kind.__name__]


def visited(folder: Path, kind: type) -> bool:
    """Whether two nodes have worked in this stage."""
    return len({node for _, node in begun(folder, kind)}) > 1


def visit(cluster: Cluster, folder: Path, kind: type) -> None:
    """Once the stage has begun a node joins; once it has work it is killed."""
    wait_until(lambda: bool(begun(folder, kind)), f"{kind.__name__} begins")
    node = cluster.add_node()
    wait_until(lambda: visited(folder, kind), "the new node works")
    cluster.kill_node(node)


def visit_all(cluster: Cluster, folder: Path, kinds: list[type]) -> None:
    """One stage after the other."""
    for kind in kinds:
        visit(cluster, folder, kind)


def play(folder: Path, stages: list[str]) -> dict[str, list[tuple[int, str]]]:
    """Those of `label`, `fit` and `mask`, and a visitor for each of them that has workers; who began what."""
    records = folder / "records"
    records.mkdir()
    kinds = [KINDS[stage][1] for stage in stages if stage in KINDS]
    for module, kind, method in KINDS.values():
        setattr(module, kind.__name__, recording(kind, method, records))
    short = Path(tempfile.mkdtemp(prefix="ray-"))  # Ray's sockets lie below it, and their paths have a limit
    cluster = Cluster(short, count=1, cpus=1)
    try:
        config = load_config(None, [f"output={folder}/run", f"runtime.address={cluster.address}", *SMALL])
        visitors = threading.Thread(target=visit_all, args=(cluster, records, kinds), daemon=True)
        visitors.start()
        run_stages(config, tuple(stages))
        visitors.join()
        return {stage: begun(records, KINDS[stage][1]) for stage in stages if stage in KINDS}
    finally:
        cluster.stop()
        shutil.rmtree(short, ignore_errors=True)


if __name__ == "__main__":
    print(json.dumps(play(Path(sys.argv[1]), sys.argv[2:])))
