"""From a configuration to units of work and to how many workers carry them out. Pure: no ray here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from higan_cam.config import RunConfig, RuntimeConfig
from higan_cam.config.runtime import SMALLEST_SHARE
from higan_cam.errors import ConfigError
from higan_cam.types import WorkUnit

UNITS_AHEAD = 2
"""Mask units submitted per worker, so that a worker never waits for the driver."""


@dataclass(frozen=True)
class Crew:
    """How many actors carry out a stage, and what each holds.

    Attributes:
        workers: actors.
        gpus: GPUs per actor; 0 means CPU actors with one thread each.
        handover: mask actors hand heat maps to CPU tasks instead of finishing units themselves.
        finishers: tasks that may finish at once beside the actors' own units.
        most: actors when the cluster grows.
    """

    workers: int
    gpus: float
    handover: bool = False
    finishers: int = 0
    most: int = 1

    @property
    def cpus(self) -> int:
        """CPUs per actor, of Ray's bookkeeping. Beside a GPU an actor takes what it finds."""
        return 0 if self.gpus > 0 else 1

    @property
    def device(self) -> str:
        """Where an actor's networks live."""
        return "cuda" if self.gpus > 0 else "cpu"


def plan_units(count: int, shard_size: int) -> list[WorkUnit]:
    """`count` samples in shards of `shard_size`; the last one may be smaller."""
    starts = range(0, count, shard_size)
    return [WorkUnit(shard, start, min(start + shard_size, count)) for shard, start in enumerate(starts)]


def plan_crew(runtime: RuntimeConfig, cpus: float, gpus: Sequence[float], units: int) -> Crew:
    """Actors for a stage of `units` units on a cluster with these resources.

    A number in `runtime.workers` is taken at its word: those for whom there is no room yet wait, and an autoscaler
    starts nodes for them.

    Args:
        cpus: of the cluster.
        gpus: of each node that has some; an actor's all lie on one node.

    Raises:
        ConfigError: if GPUs are asked for, no node has so many, and no number of workers says what to wait for.
    """
    per_worker, largest = runtime.gpus_per_worker, max(gpus, default=0.0)
    share = (1.0 if largest >= 1 else 0.0) if per_worker == "auto" else float(per_worker)
    if share > largest and runtime.workers == "auto":
        raise ConfigError(
            f"runtime.gpus_per_worker is {share:g}, but the largest node has {largest:g} GPUs; set it to 0 or 'auto' "
            "for CPUs, or set runtime.workers to a number to wait until one has so many"
        )
    workers = _workers(runtime, share, cpus, gpus, units)
    most = units if runtime.workers == "auto" else workers
    return Crew(workers, share, handover=share > 0, finishers=int(cpus) if share > 0 else 0, most=most)


def plan_again(crew: Crew, runtime: RuntimeConfig, cpus: float, gpus: Sequence[float], units: int) -> Crew:
    """The crew for what the cluster has become, and the `units` that still want an actor; of the same kind."""
    finishers = int(cpus) if crew.gpus > 0 else crew.finishers
    return replace(crew, workers=_workers(runtime, crew.gpus, cpus, gpus, units), finishers=finishers)


def _workers(runtime: RuntimeConfig, share: float, cpus: float, gpus: Sequence[float], units: int) -> int:
    room = sum(_room_on_node(share, of_node) for of_node in gpus) if share > 0 else int(cpus)
    wanted = room if runtime.workers == "auto" else runtime.workers
    return max(1, min(wanted, units))


def _room_on_node(share: float, gpus: float) -> int:
    """Actors that hold `share` GPUs each. A share below 1 is of a single GPU: 2 GPUs at 0.4 hold 4, not 5."""
    held, whole = round(share / SMALLEST_SHARE), round(1 / SMALLEST_SHARE)  # as Ray counts, who rounds no tenth away
    return int(gpus) * (whole // held) if held <= whole else int(gpus) * whole // held


def in_flight_limit(runtime: RuntimeConfig, crew: Crew) -> int:
    """Mask units that may be submitted and not yet committed."""
    if runtime.max_in_flight != "auto":
        return runtime.max_in_flight
    return UNITS_AHEAD * crew.workers + crew.finishers


def unit_name(stage: str, shard: int) -> str:
    """What the ledger and its messages call a unit."""
    return f"{stage}-{shard:05d}"


def plan_label(config: RunConfig) -> list[WorkUnit]:
    """Units of the labelling stage."""
    return plan_units(config.label.count, config.label.shard_size)


def plan_pilot(config: RunConfig) -> list[WorkUnit]:
    """Units of a refined run's pilot: as many samples a shard as the dataset has, so that shard k holds the same."""
    return plan_units(config.mask.pilot, config.mask.shard_size)


def plan_mask(config: RunConfig) -> list[WorkUnit]:
    """Units of the masking stage."""
    return plan_units(config.mask.count, config.mask.shard_size)


def plan_listed(config: RunConfig) -> list[WorkUnit]:
    """Units of a command that asks nothing but pictures."""
    return plan_units(config.mask.count, config.listed.shard_size)
