"""Stage three: a bounded queue of mask units over Ray actors.

With GPUs (`Crew.handover`) an actor computes images and heat maps and is free again while a CPU task finds regions,
encodes and commits; without GPUs the actor does it all. An actor gets no work before it has answered a ping, at the
start and after it died, since one that is not there would otherwise eat the queue. Failed units are tried again, with
backoff, up to `runtime.max_tries` times, then quarantined.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import ray

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import WorkersError
from higan_cam.publish import Store, committed, quarantine_shard
from higan_cam.runtime.cluster import resources
from higan_cam.runtime.plan import DATA, UNITS_AHEAD, Crew, in_flight_limit, plan_crew, plan_mask
from higan_cam.runtime.progress import Meter, Meters
from higan_cam.runtime.workers import MaskWorker, backoff_s, finish_unit
from higan_cam.types import Boundary, WorkUnit

log = logging.getLogger(__name__)
POLL_S = 0.5


@dataclass(frozen=True)
class Attempt:
    """A unit on its way.

    Attributes:
        number: which try, from 1.
        actor: who holds it, -1 while it is queued or with a CPU task.
        not_before: `time.monotonic()` before which it is not tried (again).
    """

    unit: WorkUnit
    number: int = 1
    actor: int = -1
    not_before: float = 0.0


def make_masks(config: RunConfig, store: Store, boundary: Boundary, meters: Meters) -> None:
    """Make and commit every mask shard that is not committed yet."""
    plan = plan_mask(config)
    done = committed(store, DATA, config_hash(config), verify=True)
    missing = [unit for unit in plan if unit.shard not in done]
    with meters.stage("mask", config.mask.count, sum(record.rows for record in done.values())) as meter:
        if missing:
            crew = plan_crew(config.runtime, *resources(), len(missing))
            MaskPool(config, store, boundary, crew, meter).run(missing)


class MaskPool:
    """The queue of one stage. Driver-side only; everything it holds fits in memory whatever the number of units."""

    def __init__(self, config: RunConfig, store: Store, boundary: Boundary, crew: Crew, meter: Meter) -> None:
        self.config, self.store, self.boundary, self.crew, self.meter = config, store, boundary, crew, meter
        self.limit = in_flight_limit(config.runtime, crew)
        self.config_ref = ray.put(config)
        options: dict[str, Any] = {"num_gpus": crew.gpus, "num_cpus": 0 if crew.gpus else 1}
        self.worker = ray.remote(max_restarts=-1, max_task_retries=0, **options)(MaskWorker)
        self.finish = ray.remote(max_retries=0, num_cpus=1)(finish_unit)
        self.actors = [self._hire() for _ in range(crew.workers)]
        self.load = [0] * crew.workers
        self.usable = [False] * crew.workers
        self.deaths = [0] * crew.workers
        self.running: dict[Any, Attempt] = {}
        self.heats: dict[Any, tuple[Attempt, Any]] = {}
        # An actor may wait long for its place in the cluster: like a failed one, it gets work once it answers.
        self.pings: dict[Any, int] = {actor.ping.remote(): number for number, actor in enumerate(self.actors)}

    def run(self, units: list[WorkUnit]) -> None:
        """Until every unit is committed or quarantined.

        Raises:
            WorkersError: no actor can start.
        """
        queue = deque(Attempt(unit) for unit in units)
        try:
            while queue or self.running or self.heats:
                self._submit(queue)
                waiting = [*self.running, *self.heats, *self.pings]
                if not waiting:
                    time.sleep(POLL_S)
                    continue
                ready, _ = ray.wait(waiting, num_returns=1, timeout=1.0)
                for reference in ready:
                    self._settle(reference, queue)
        finally:
            for actor in self.actors:
                ray.kill(actor)

    def _hire(self) -> Any:
        return self.worker.remote(self.config, self.boundary, self.crew.device)

    def _submit(self, queue: deque[Attempt]) -> None:
        """Give due attempts to the least loaded actors, as far as the limit allows."""
        for _ in range(len(queue)):
            actor = self._least_loaded()
            if actor is None or len(self.running) + len(self.heats) >= self.limit:
                return
            attempt = queue.popleft()
            if attempt.not_before > time.monotonic():
                queue.append(attempt)
                continue
            self._start(replace(attempt, actor=actor))

    def _start(self, attempt: Attempt) -> None:
        self.load[attempt.actor] += 1
        actor = self.actors[attempt.actor]
        if self.crew.handover:
            seconds, heat = actor.attribute.options(num_returns=2).remote(attempt.unit)
            self.heats[seconds] = (attempt, heat)
        else:
            self.running[actor.make.remote(attempt.unit, attempt.number)] = attempt

    def _least_loaded(self) -> int | None:
        able = [n for n, usable in enumerate(self.usable) if usable and self.load[n] < UNITS_AHEAD]
        return min(able, key=lambda n: self.load[n]) if able else None

    def _settle(self, reference: Any, queue: deque[Attempt]) -> None:
        if reference in self.pings:
            self._settle_ping(reference)
        elif reference in self.heats:
            self._settle_heat(reference, queue)
        else:
            attempt = self.running.pop(reference)
            if attempt.actor >= 0:
                self.load[attempt.actor] -= 1
            try:
                self.meter.advance(ray.get(reference))
            except ray.exceptions.RayError as error:
                self._failed(attempt, error, queue)

    def _settle_heat(self, reference: Any, queue: deque[Attempt]) -> None:
        """The actor's part is done: it is free, and the heat maps go from the object store to a CPU task."""
        attempt, heat = self.heats.pop(reference)
        self.load[attempt.actor] -= 1
        try:
            seconds = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._failed(attempt, error, queue)
            return
        result = self.finish.remote(self.config_ref, attempt.unit, seconds, heat, attempt.number)
        self.running[result] = replace(attempt, actor=-1)

    def _settle_ping(self, reference: Any) -> None:
        number = self.pings.pop(reference)
        try:
            ray.get(reference)
        except ray.exceptions.ActorUnavailableError:
            time.sleep(POLL_S)
        except ray.exceptions.RayError as error:
            self._replace(number, error)
        else:
            self.usable[number], self.deaths[number] = True, 0
            return
        self.pings[self.actors[number].ping.remote()] = number

    def _replace(self, number: int, error: Exception) -> None:
        """A dead actor's place gets a new one, unless it keeps dying and nobody else can work."""
        self.deaths[number] += 1
        if self.deaths[number] >= self.config.runtime.max_tries and not any(self.usable):
            raise WorkersError(f"mask workers cannot start ({self.deaths[number]} tries in a row): {error}") from error
        log.warning("stage=%s worker=%d died, starting another: %s", DATA, number, error)
        time.sleep(backoff_s(self.deaths[number]))
        self.actors[number] = self._hire()

    def _failed(self, attempt: Attempt, error: ray.exceptions.RayError, queue: deque[Attempt]) -> None:
        self.meter.failed()
        log.warning("stage=%s shard=%d attempt=%d failed: %s", DATA, attempt.unit.shard, attempt.number, error)
        if attempt.actor >= 0 and isinstance(error, ray.exceptions.RayActorError) and self.usable[attempt.actor]:
            self.usable[attempt.actor] = False
            self.pings[self.actors[attempt.actor].ping.remote()] = attempt.actor
        if attempt.number < self.config.runtime.max_tries:
            due = time.monotonic() + backoff_s(attempt.number)
            queue.append(Attempt(attempt.unit, attempt.number + 1, not_before=due))
            return
        trace = "".join(traceback.format_exception(error))
        self.meter.quarantined()
        quarantine_shard(self.store, DATA, attempt.unit.shard, {"attempts": attempt.number, "traceback": trace})
