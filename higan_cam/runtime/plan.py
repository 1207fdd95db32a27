"""From a configuration to units of work and to how many workers carry them out. Pure: no ray here."""

from __future__ import annotations

from dataclasses import dataclass

from higan_cam.config import RunConfig, RuntimeConfig
from higan_cam.errors import ConfigError
from higan_cam.types import WorkUnit

SCORES, DATA = "scores", "data"
UNITS_AHEAD = 2
"""Mask units submitted per worker, so that a worker never waits for the driver."""


@dataclass(frozen=True)
class Crew:
    """How many actors carry out a stage, and what each holds.

    Attributes:
        workers: actors.
        gpus: GPUs per actor; 0 means CPU actors with one thread each.
        cpus: of Ray's bookkeeping per labelling actor. Actors that hold every CPU starve Ray Data's read tasks, which
            need a whole one: a silent hang.
        handover: mask actors hand heat maps to CPU tasks instead of finishing units themselves.
        finishers: tasks that may finish at once beside the actors' own units.
    """

    workers: int
    gpus: float
    cpus: float = 0.0
    handover: bool = False
    finishers: int = 0

    @property
    def device(self) -> str:
        """Where an actor's networks live."""
        return "cuda" if self.gpus > 0 else "cpu"


def plan_units(count: int, shard_size: int) -> list[WorkUnit]:
    """`count` samples in shards of `shard_size`; the last one may be smaller."""
    starts = range(0, count, shard_size)
    return [WorkUnit(shard, start, min(start + shard_size, count)) for shard, start in enumerate(starts)]


def plan_crew(runtime: RuntimeConfig, cpus: float, gpus: float, units: int) -> Crew:
    """Actors for a stage of `units` units on a cluster with these resources.

    Raises:
        ConfigError: if GPUs are asked for and the cluster has none.
    """
    per_worker = runtime.gpus_per_worker
    share = (1.0 if gpus >= 1 else 0.0) if per_worker == "auto" else float(per_worker)
    if share > gpus:
        raise ConfigError(
            f"runtime.gpus_per_worker is {share:g}, but the cluster has {gpus:g} GPUs; set it to 0 or 'auto' for CPUs"
        )
    room = int(gpus / share) if share > 0 else int(cpus)
    wanted = room if runtime.workers == "auto" else runtime.workers
    workers = max(1, min(wanted, units))
    if share > 0:
        return Crew(workers, share, handover=True, finishers=int(cpus))
    return Crew(workers, share, cpus=min(0.5, max(0.0, cpus - 1) / workers))


def in_flight_limit(runtime: RuntimeConfig, crew: Crew) -> int:
    """Mask units that may be submitted and not yet committed."""
    if runtime.max_in_flight != "auto":
        return runtime.max_in_flight
    return UNITS_AHEAD * crew.workers + crew.finishers


def plan_label(config: RunConfig) -> list[WorkUnit]:
    """Units of the labelling stage."""
    return plan_units(config.label.count, config.label.shard_size)


def plan_mask(config: RunConfig) -> list[WorkUnit]:
    """Units of the masking stage."""
    return plan_units(config.mask.count, config.mask.shard_size)
