"""A bounded queue of units over Ray actors: what the stages that make shards one by one have in common.

With GPUs (`Crew.handover`) an actor may do its part and be free again while a CPU task finishes and commits; else the
actor does it all. The crew follows the cluster: nodes that join are used, those that leave cost their units in flight,
and actors go as soon as no unit waits for one. A unit that fails is tried again, with backoff, and quarantined after
`runtime.max_tries` failures of its own (`ledger` says whose a failure is).
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray

from higan_cam.config import RunConfig, config_hash
from higan_cam.runtime.cluster.join import resources
from higan_cam.runtime.crew.actors import Actors
from higan_cam.runtime.crew.ledger import Verdict, backoff_s
from higan_cam.runtime.crew.watch import open_ledger
from higan_cam.runtime.logs import run_log
from higan_cam.runtime.plan import Crew, in_flight_limit, plan_again, plan_crew, unit_name
from higan_cam.runtime.progress import Meter, Meters
from higan_cam.runtime.workers.commit import quarantine_details
from higan_cam.store import Store, clear_quarantined, committed, quarantine_shard
from higan_cam.store.keys import STAGE_NAMES
from higan_cam.store.manifest_index import index_manifest
from higan_cam.store.restart import read_whole, untouched
from higan_cam.types import WorkUnit

POLL_S = 0.5
REPLAN_S = 5.0
"""Seconds between two looks at the cluster's size."""


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


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the actors of a pool do.

    Attributes:
        stage: of the shards that they make, as keys call it.
        worker: class of the actors; `make(unit, attempt)` commits a unit and gives its rows, `ping()` answers.
        arguments: of its constructor, after the configuration; device and ledger follow them.
        finish: (config, unit, *what `attribute` gave, attempt, ledger, *arguments) commits what an actor's `attribute`
            began, on a CPU; None where actors finish what they begin.
    """

    stage: str
    worker: type[Any]
    arguments: tuple[Any, ...] = ()
    finish: Callable[..., int] | None = None


def make_shards(
    config: RunConfig,
    store: Store,
    task: Task,
    plan: Sequence[WorkUnit],
    meters: Meters,
    possible: Container[int] | None = None,
) -> None:
    """Make and commit every shard of the task's stage that is not committed yet.

    Args:
        possible: numbers of the shards that can be made now; None for all.
    """
    there = committed(store, task.stage, config_hash(config))
    sure = untouched(store, task.stage, there)
    unsure = {shard: record for shard, record in there.items() if shard not in sure}
    whole = sure.keys() | {record.shard for record, _ in read_whole(store, unsure, lambda _: None)}
    done = {shard: len(plan[shard].indices) for shard in sorted(whole)}
    missing = [unit for unit in plan if unit.shard not in done and (possible is None or unit.shard in possible)]
    total = sum(len(unit.indices) for unit in plan)
    with meters.stage(STAGE_NAMES[task.stage], total, sum(done.values())) as meter:
        if missing:
            crew = plan_crew(config.runtime, *resources(), len(missing))
            with open_ledger(config, task.stage) as ledger:
                UnitPool(config, store, task, crew, meter, ledger).run(missing)
    clear_quarantined(store, task.stage)
    index_manifest(store, task.stage)


class UnitPool:
    """The queue of one stage. Driver-side only; everything it holds fits in memory whatever the number of units."""

    def __init__(self, config: RunConfig, store: Store, task: Task, crew: Crew, meter: Meter, ledger: Any) -> None:
        self.config, self.store, self.crew, self.meter, self.ledger = config, store, crew, meter, ledger
        self.stage = task.stage
        self.log = run_log(__name__, config, task.stage)
        self.config_ref, self.argument_refs = ray.put(config), [ray.put(argument) for argument in task.arguments]
        options: dict[str, Any] = {"num_gpus": crew.gpus, "num_cpus": crew.cpus}
        worker = ray.remote(max_restarts=-1, max_task_retries=0, **options)(task.worker)
        self.finish: Any = None if task.finish is None else ray.remote(max_retries=0, num_cpus=1)(task.finish)
        self.actors = Actors(
            config.runtime, lambda: worker.remote(config, *task.arguments, crew.device, ledger), self.log
        )
        self.queue: deque[Attempt] = deque()
        self.running: dict[Any, Attempt] = {}
        self.heats: dict[Any, tuple[Attempt, Any]] = {}
        self.replanned = time.monotonic()

    def run(self, units: list[WorkUnit]) -> None:
        """Until every unit is committed or quarantined.

        Raises:
            WorkersError: no actor can start.
        """
        self.queue.extend(Attempt(unit) for unit in units)
        self.actors.grow(self.crew.workers)
        try:
            while self.queue or self.running or self.heats:
                self._tend()
                self._submit()
                waiting = [*self.running, *self.heats, *self.actors.pings]
                if not waiting:
                    time.sleep(POLL_S)
                    continue
                ready, _ = ray.wait(waiting, num_returns=1, timeout=1.0)
                for reference in ready:
                    self._settle(reference)
        finally:
            self.actors.dismiss()

    def _tend(self) -> None:
        """As many actors as the units that wait can use now."""
        if not self.queue:
            self.actors.release()
            return
        self.actors.tend()
        if time.monotonic() - self.replanned > REPLAN_S or not len(self.actors):
            self.replanned = time.monotonic()
            held = sum(attempt.actor >= 0 for attempt in self.running.values()) + len(self.heats)
            self.crew = plan_again(self.crew, self.config.runtime, *resources(), len(self.queue) + held)
            self.actors.grow(self.crew.workers)

    def _submit(self) -> None:
        """Give due attempts to the least loaded actors, as far as the limit allows."""
        limit = in_flight_limit(self.config.runtime, self.crew)
        for _ in range(len(self.queue)):
            actor = self.actors.free()
            if actor is None or len(self.running) + len(self.heats) >= limit:
                return
            attempt = self.queue.popleft()
            if attempt.not_before > time.monotonic():
                self.queue.append(attempt)
                continue
            self._start(replace(attempt, actor=actor))

    def _start(self, attempt: Attempt) -> None:
        self.actors.take(attempt.actor)
        actor = self.actors[attempt.actor]
        if self.crew.handover and self.finish is not None:
            attributed, heat = actor.attribute.options(num_returns=2).remote(attempt.unit, attempt.number)
            self.heats[attributed] = (attempt, heat)
        else:
            self.running[actor.make.remote(attempt.unit, attempt.number)] = attempt

    def _settle(self, reference: Any) -> None:
        if reference in self.heats:
            self._settle_heat(reference)
        elif reference in self.running:
            attempt = self.running.pop(reference)
            self.actors.put(attempt.actor)
            try:
                rows = ray.get(reference)
            except ray.exceptions.RayError as error:
                self._failed(attempt, error)
            else:
                self.meter.advance(rows)
        else:
            self.actors.settle(reference)

    def _settle_heat(self, reference: Any) -> None:
        """The actor's part is done: it is free, and the heat maps go from the object store to a CPU task."""
        attempt, heat = self.heats.pop(reference)
        self.actors.put(attempt.actor)
        try:
            attributed = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._failed(attempt, error)
            return
        result = self.finish.remote(
            self.config_ref, attempt.unit, attributed, heat, attempt.number, self.ledger, *self.argument_refs
        )
        self.running[result] = replace(attempt, actor=-1)

    def _failed(self, attempt: Attempt, error: ray.exceptions.RayError) -> None:
        """Try again later, or give up. A unit that only waited behind the one that failed goes back as it was."""
        self.meter.failed()
        log = self.log.of(shard=attempt.unit.shard, attempt=attempt.number)
        log.warning("failed: %s", error)
        if isinstance(error, ray.exceptions.RayActorError):
            self.actors.failed(attempt.actor)
        verdict = self._verdict(attempt, error)
        if verdict.attempt > self.config.runtime.max_tries:
            log.error("quarantined after %d failures", len(verdict.failures))
            self.meter.quarantined()
            quarantine_shard(self.store, self.stage, attempt.unit.shard, quarantine_details(verdict))
            return
        due = time.monotonic() + backoff_s(attempt.number)
        self.queue.append(Attempt(attempt.unit, verdict.attempt, not_before=due))

    def _verdict(self, attempt: Attempt, error: ray.exceptions.RayError) -> Verdict:
        name = unit_name(self.stage, attempt.unit.shard)
        verdict: Verdict = ray.get(self.ledger.lost.remote(name, str(error)))
        raised = isinstance(error, ray.exceptions.RayTaskError) and not isinstance(error.cause, ray.exceptions.RayError)
        if raised and verdict.attempt <= attempt.number:
            text = "".join(traceback.format_exception(error))
            verdict = ray.get(self.ledger.blame.remote(name, text))
        return verdict
