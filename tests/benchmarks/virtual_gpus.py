"""Simulated GPUs: a unit takes its time (`asyncio.sleep`) and computes nothing. Many of them share one Ray actor.

Nothing heavy is imported here: a host process is much smaller than a real actor's.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray

from higan_cam.runtime.crew.ledger import Process
from higan_cam.types import WorkUnit

HEAT_BYTES = 256 * 1024
"""What a unit's heat maps weigh here, so that they go through the object store as real ones do."""


class Host:
    """An async actor that holds GPUs: each does one unit at a time, the others meanwhile theirs.

    Reports to the ledger as a real worker does, under a process number of each GPU's own.
    """

    def __init__(self, gpus: int, seconds: float, ledger: Any) -> None:
        self._seconds, self._ledger = seconds, ledger
        self._turns = [asyncio.Lock() for _ in range(gpus)]
        self._heat = np.zeros(HEAT_BYTES, np.uint8)

    async def ping(self, gpu: int) -> bool:
        """Answers."""
        return gpu < len(self._turns)

    async def attribute(self, gpu: int, shard: int) -> tuple[float, Any]:
        """A unit on one GPU: seconds, and as many bytes as heat maps might have."""
        async with self._turns[gpu]:
            await self._ledger.begin.remote(f"data-{shard:05d}", _process(gpu))
            await asyncio.sleep(self._seconds)
            self._ledger.done.remote(f"data-{shard:05d}", _process(gpu))
        return self._seconds, self._heat


def finish(
    config: Any,
    unit: WorkUnit,
    attributed: float,
    batch: Any,
    attempt: int,
    ledger: Any,
    boundary: Any,
    *,
    stage: str = "data",
) -> int:
    """The CPU task that follows, with the parameters of `workers.mask.finish_unit`; rows of the unit.

    Reads the heat maps, reports to the ledger, nothing else.
    """
    name = f"{stage}-{unit.shard:05d}"
    ray.get(ledger.begin.remote(name, _process(0)))
    ledger.done.remote(name, _process(0))
    return unit.stop - unit.start if len(batch) == HEAT_BYTES else 0


class IdleLabeller:
    """What Ray Data takes for a labelling actor: scores of 0 at once, one for each shard."""

    def __init__(self, config: Any, device: str, ledger: Any) -> None:
        """As `LabelWorker`, of which nothing is needed."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """{"id": (1,)} -> {"index": (1,) int64, "score": (1,) float32}."""
        return {"index": np.asarray(batch["id"], np.int64), "score": np.zeros(1, np.float32)}


@dataclass(frozen=True)
class VirtualGpu:
    """What the mask queue takes for an actor: one GPU of a host."""

    host: Any
    gpu: int

    @property
    def ping(self) -> _Method:
        """As `MaskWorker.ping`."""
        return _Method(self.host.ping, self.gpu)

    @property
    def attribute(self) -> _Method:
        """As `MaskWorker.attribute`."""
        return _Method(self.host.attribute, self.gpu)


@dataclass(frozen=True)
class _Method:
    method: Any
    gpu: int

    def options(self, **options: Any) -> _Method:
        return _Method(self.method.options(**options), self.gpu)

    def remote(self, *unit_and_attempt: Any) -> Any:
        return self.method.remote(self.gpu, *(unit.shard for unit in unit_and_attempt[:1]))


class Rack:
    """`count` virtual GPUs, dealt out over `hosts` actors; `hire` gives them out one by one, as the queue asks."""

    def __init__(self, count: int, hosts: int, seconds: float, ledger: Any) -> None:
        kind = ray.remote(num_cpus=0, scheduling_strategy="SPREAD", max_concurrency=4 * count)(Host)
        self.hosts: Sequence[Any] = [kind.remote(count, seconds, ledger) for _ in range(min(hosts, count))]
        ray.get([host.ping.remote(0) for host in self.hosts])
        self._numbers = itertools.count()

    def hire(self) -> VirtualGpu:
        """The next one."""
        place, host = divmod(next(self._numbers), len(self.hosts))
        return VirtualGpu(self.hosts[host], place)

    def close(self) -> None:
        """End the hosts."""
        for host in self.hosts:
            ray.kill(host)


def _process(gpu: int) -> Process:
    """A process of each virtual GPU's own, in the ledger's eyes."""
    return Process(os.getpid() * 10_000 + gpu, None, "simulated", socket.gethostname())
