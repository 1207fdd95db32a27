"""How far one driver reaches: simulated GPUs on several Ray nodes of this machine, fed by the real mask queue.

Real: `runtime.stages.pool.UnitPool` with its queue, hand-over to CPU tasks, bookkeeping and ledger; Ray (`ray start`, a
head and `NODES` worker nodes); two Ray calls, two results and four messages to the ledger per unit. Simulated: a GPU is
a lock in an async actor that sleeps, `GPUS_PER_HOST` of them share a process; a unit's heat maps are `HEAT_BYTES` of
zeros; the CPU task that follows only reads them. All of it shares this machine's cores, so a real cluster, which has
the driver's node to itself, does better; it also has a network, which this has not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.virtual_gpus import HEAT_BYTES, IdleLabeller, Rack, finish
from tests.chaos import namespace

NODES, CPUS_PER_NODE = 4, 2
GPUS_PER_HOST = 16
SIZES = (1, 4, 16, 64, 256)
UNITS: tuple[tuple[float, int, int], ...] = ((6.0, 5, 1), (20.0, 10, 64))
"""Seconds per unit, units per GPU, and the smallest size measured with them."""
FEEDS = (64, 256, 1024)
FEED_UNITS = 1_000
LABEL_SHARDS, LABELLERS = (1_000, 4_000, 20_000), 2
LATENTS = (100_000, 1_000_000, 10_000_000)
SHARD = 2_048
TARGET = 0.95


@dataclass(frozen=True)
class ScaleRow:
    """One size of the simulated cluster.

    Attributes:
        gpus: simulated; units: fed to them, of `unit_s` seconds each.
        wall_s: from the first submission to the last result, the start of the actors excluded.
        driver_cpu: share of one core that the driver took.
        driver_mb: resident memory of the driver at the end.
    """

    gpus: int
    units: int
    unit_s: float
    wall_s: float
    driver_cpu: float
    driver_mb: float

    @property
    def efficiency(self) -> float:
        """Share of the time in which a GPU had work, filling and draining included."""
        return self.units * self.unit_s / (self.gpus * self.wall_s)

    @property
    def units_per_s(self) -> float:
        """Throughput of the whole."""
        return self.units / self.wall_s


@dataclass(frozen=True)
class LabelFeedRow:
    """Score shards that take no time, through the labelling stage's Ray Data flow.

    Attributes:
        first_s: until the first one's scores are with the driver, the actors' start included.
        wall_s: from the first one to the last.
        grown_mb: the driver's resident memory at the end, beyond that at the beginning.
    """

    shards: int
    first_s: float
    wall_s: float
    grown_mb: float


@dataclass(frozen=True)
class MemoryRow:
    """The driver's share of labelling: scores stream by, `ScoreTally` keeps what the fit needs.

    Attributes:
        peak_mb: the most that the process had resident (with PyTorch and Ray); grown_mb: since the first shard.
        seconds: for merging all shards.
    """

    latents: int
    peak_mb: float
    grown_mb: float
    seconds: float


class _Count:
    """A meter that keeps nothing."""

    def advance(self, rows: int) -> None:
        """As `Meter.advance`."""

    def failed(self) -> None:
        """As `Meter.failed`."""
        raise RuntimeError("a simulated unit failed")

    def quarantined(self) -> None:
        """As `Meter.quarantined`."""
        raise RuntimeError("a simulated unit was given up")


def measure_scaling(
    sizes: tuple[int, ...] = SIZES, feeds: tuple[int, ...] = FEEDS, labels: tuple[int, ...] = LABEL_SHARDS
) -> dict[str, Any]:
    """In namespaces of its own: efficiency by size, the feed of idle crews, and memory by number of latents."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        found = Path(folder) / "found.json"
        numbers = ["--sizes", *map(str, sizes), "--feeds", *map(str, feeds)]
        numbers += ["--labels", *map(str, labels)]
        command = [sys.executable, "-m", "tests.benchmarks.scaling", "--json", str(found), *numbers]
        subprocess.run(namespace.within(command), check=True)
        return dict(json.loads(found.read_text()))


def scaling_tables(found: dict[str, Any]) -> list[Any]:
    """The measured rows, for a terminal."""
    from rich.table import Table

    scale = Table(title=f"Simulated GPUs, {NODES} Ray nodes on this machine")
    for heading in ("GPUs", "unit, s", "units", "seconds", "efficiency", "units/s", "driver CPU", "driver MB"):
        scale.add_column(heading, justify="right")
    for row in (ScaleRow(**values) for values in found["scale"]):
        cells = (f"{row.efficiency:.1%}", f"{row.units_per_s:.1f}", f"{row.driver_cpu:.0%}", f"{row.driver_mb:.0f}")
        scale.add_row(str(row.gpus), f"{row.unit_s:g}", str(row.units), f"{row.wall_s:.1f}", *cells)
    scale.caption = (
        f"target {TARGET:.0%} at 256; seconds without the start of the actors, filling and draining included"
    )
    feed = Table(title="The same with units of no length: what the driver can feed")
    for heading in ("GPUs", "units", "units/s", "driver CPU"):
        feed.add_column(heading, justify="right")
    for row in (ScaleRow(**values) for values in found["feed"]):
        feed.add_row(str(row.gpus), str(row.units), f"{row.units_per_s:.0f}", f"{row.driver_cpu:.0%}")
    labels = Table(title=f"Score shards of no length through Ray Data, {LABELLERS} labelling actors")
    for heading in ("shards", "first after, s", "shards/s", "driver grown, MB"):
        labels.add_column(heading, justify="right")
    for fed in (LabelFeedRow(**values) for values in found["label_feed"]):
        rate = (fed.shards - 1) / fed.wall_s
        labels.add_row(f"{fed.shards:,}", f"{fed.first_s:.1f}", f"{rate:.0f}", f"{fed.grown_mb:.0f}")
    memory = Table(title="The driver's memory while labels stream by")
    for heading in ("latents", "peak MB", "grown MB", "seconds"):
        memory.add_column(heading, justify="right")
    for seen in (MemoryRow(**values) for values in found["memory"]):
        memory.add_row(f"{seen.latents:,}", f"{seen.peak_mb:.0f}", f"{seen.grown_mb:.0f}", f"{seen.seconds:.1f}")
    return [scale, feed, labels, memory]


def _scale_row(gpus: int, units: int, unit_s: float) -> ScaleRow:
    """One size, through the real queue."""
    import ray

    from higan_cam.config import parse_config
    from higan_cam.runtime.crew.actors import Actors
    from higan_cam.runtime.crew.watch import open_ledger
    from higan_cam.runtime.plan import Crew, plan_units
    from higan_cam.runtime.stages.mask import mask_task
    from higan_cam.runtime.stages.pool import UnitPool
    from higan_cam.store import open_store
    from higan_cam.store.keys import DATA
    from higan_cam.types import Boundary

    class Simulated(Actors):
        """Virtual GPUs are let go without a process to end."""

        def _dismiss(self, number: int) -> None:
            del self._actors[number], self._load[number]
            self._usable.discard(number)
            self._pings = {reference: other for reference, other in self._pings.items() if other != number}

    config = parse_config({"output": "memory://scaling/run", "runtime": {"workers": gpus, "gpus_per_worker": 0}})
    crew = Crew(gpus, 1.0, handover=True, finishers=NODES * CPUS_PER_NODE, most=gpus)
    boundary = Boundary(np.eye(1, 8, dtype=np.float32)[0], 0.0, "w", (0,), "simulated")
    with open_ledger(config, DATA) as ledger:
        rack = Rack(gpus, max(1, gpus // GPUS_PER_HOST), unit_s, ledger)
        count: Any = _Count()
        pool = UnitPool(config, open_store(config.output), mask_task(boundary), crew, count, ledger)
        pool.finish = ray.remote(max_retries=0, num_cpus=1)(finish)
        pool.actors = Simulated(config.runtime, rack.hire, pool.log)
        began, cpu = time.monotonic(), time.process_time()
        pool.run(plan_units(units, 1))
        wall, busy = time.monotonic() - began, time.process_time() - cpu
        rack.close()
    row = ScaleRow(gpus, units, unit_s, wall, busy / wall, _resident_mb())
    print(f"{row}, efficiency {row.efficiency:.3f}, {row.units_per_s:.1f} units/s", file=sys.stderr, flush=True)
    return row


def _label_feed_row(shards: int) -> LabelFeedRow:
    """The real flow; only its actors do nothing."""
    from higan_cam.config import parse_config
    from higan_cam.runtime.plan import Crew
    from higan_cam.runtime.stages.label import stream_labels

    config = parse_config({"output": "memory://scaling/run"})
    crew = Crew(LABELLERS, 0.0, handover=False, finishers=0, most=LABELLERS)
    before, began = _resident_mb(), time.monotonic()
    rows = stream_labels(config, list(range(shards)), crew, None, IdleLabeller)  # type: ignore[arg-type]
    next(rows)
    first = time.monotonic()
    if sum(1 for _ in rows) != shards - 1:
        raise RuntimeError("score shards were lost")
    row = LabelFeedRow(shards, first - began, time.monotonic() - first, _resident_mb() - before)
    print(row, file=sys.stderr, flush=True)
    return row


def _memory_row(latents: int) -> MemoryRow:
    """In a process of its own: scores as they come from the workers, one shard at a time."""
    from higan_cam.config import parse_config
    from higan_cam.runtime.stages.score_tally import ScoreTally

    labels = ScoreTally(parse_config({"label": {"count": latents, "shard_size": SHARD}}), (0.0, 3.0))
    random = np.random.default_rng(0)
    before, began = _resident_mb(), time.monotonic()
    most = before
    for start in range(0, latents, SHARD):
        indices = np.arange(start, min(start + SHARD, latents), dtype=np.int64)
        labels.add(start // SHARD, indices, random.random(len(indices), np.float32) * 3)
        most = max(most, _resident_mb())
    if labels.result().extremes.seen != latents:
        raise RuntimeError("scores were lost")
    return MemoryRow(latents, most, most - before, time.monotonic() - began)


def _resident_mb() -> float:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Inside the namespaces: measure, and write JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--feeds", type=int, nargs="*", default=FEEDS)
    parser.add_argument("--labels", type=int, nargs="*", default=LABEL_SHARDS)
    options = parser.parse_args()
    import ray

    from tests.chaos.cluster import Cluster, environment

    with get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        memory = [asdict(row) for row in processes.imap(_memory_row, LATENTS)]
    os.environ.update(environment())
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder), count=NODES, cpus=CPUS_PER_NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        _scale_row(4, 16, 0.1)  # workers of CPU tasks start once
        scale = [
            asdict(_scale_row(gpus, each * gpus, unit_s))
            for unit_s, each, least in UNITS
            for gpus in options.sizes
            if gpus >= least
        ]
        feed = [asdict(_scale_row(gpus, FEED_UNITS, 0.0)) for gpus in options.feeds]
        labels = [asdict(_label_feed_row(shards)) for shards in options.labels]
        ray.shutdown()
        cluster.stop()
    found = {"scale": scale, "feed": feed, "label_feed": labels, "memory": memory, "heat_bytes": HEAT_BYTES}
    options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
