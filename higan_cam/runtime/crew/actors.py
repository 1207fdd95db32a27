"""The mask stage's actors: hired, pinged before they get work, replaced when they die, let go when they are done.

More are hired when the cluster grows, and an actor that has to wait for its place in the cluster is at the same time
what an autoscaler goes by: it starts nodes for pending actors. Nothing else is asked of it, so a run never holds more
than it can use, and less as soon as it needs less.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import ray

from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.cluster.join import resources
from higan_cam.runtime.crew.ledger import backoff_s
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.plan import UNITS_AHEAD

COMPLAIN_EVERY_S = 60.0


class Actors:
    """Actors by number. Numbers are never used again.

    Args:
        hire: makes one actor.
    """

    def __init__(self, runtime: RuntimeConfig, hire: Callable[[], Any], log: RunLog) -> None:
        self._runtime, self._make, self._log = runtime, hire, log
        self._numbers = itertools.count()
        self._actors: dict[int, Any] = {}
        self._load: dict[int, int] = {}
        self._usable: set[int] = set()
        self._deaths = 0
        # An actor may wait long for its place in the cluster: like a failed one, it gets work once it answers.
        self._pings: dict[Any, int] = {}
        # (due, number) of those that are pinged, or replaced, a little later.
        self._later: list[tuple[float, int | None]] = []
        self._worked = self._complained = time.monotonic()

    def __len__(self) -> int:
        return len(self._actors) + sum(number is None for _, number in self._later)

    def __contains__(self, number: int) -> bool:
        return number in self._actors

    def __getitem__(self, number: int) -> Any:
        return self._actors[number]

    @property
    def pings(self) -> list[Any]:
        """References to wait for; `settle` takes them."""
        return list(self._pings)

    def grow(self, size: int) -> None:
        """Hire until there are `size`."""
        for _ in range(size - len(self)):
            self._hire()

    def free(self) -> int | None:
        """The least loaded actor that can take a unit, or None."""
        able = [number for number in self._usable if self._load[number] < UNITS_AHEAD]
        return min(able, key=lambda number: (self._load[number], number)) if able else None

    def take(self, number: int) -> None:
        """The actor has one more unit."""
        self._load[number] += 1

    def put(self, number: int) -> None:
        """The actor has one unit less, and is alive as far as anybody knows."""
        if number in self._load:
            self._load[number] -= 1

    def failed(self, number: int) -> None:
        """The actor did not survive a unit: no work until it answers."""
        if number in self._usable:
            self._usable.discard(number)
            self._ping(number)

    def settle(self, reference: Any) -> None:
        """A ping came back, one way or the other."""
        number = self._pings.pop(reference)
        try:
            ray.get(reference)
        except ray.exceptions.ActorUnavailableError:
            self._later.append((time.monotonic() + 1.0, number))
        except ray.exceptions.RayError as error:
            self._replace(number, error)
        else:
            self._usable.add(number)
            self._deaths = 0

    def tend(self) -> None:
        """Do what has become due.

        Raises:
            WorkersError: for `runtime.start_timeout_s` no actor could work.
        """
        now = time.monotonic()
        due, self._later = [x for x in self._later if x[0] <= now], [x for x in self._later if x[0] > now]
        for _, number in due:
            if number is None:
                self._hire()
            else:
                self._ping(number)
        self._check(now)

    def release(self) -> None:
        """Let those go that have nothing to do: the CPU tasks that finish units need no GPU beside them."""
        self._later.clear()
        for number in [number for number, load in self._load.items() if load == 0]:
            self._dismiss(number)

    def dismiss(self) -> None:
        """Let all go."""
        for number in list(self._actors):
            self._dismiss(number)

    def _hire(self) -> None:
        number = next(self._numbers)
        self._actors[number], self._load[number] = self._make(), 0
        self._ping(number)

    def _ping(self, number: int) -> None:
        if number in self._actors:
            self._pings[self._actors[number].ping.remote()] = number

    def _dismiss(self, number: int) -> None:
        ray.kill(self._actors.pop(number))
        del self._load[number]
        self._usable.discard(number)
        self._pings = {reference: other for reference, other in self._pings.items() if other != number}

    def _replace(self, number: int, error: Exception) -> None:
        """A dead actor's place gets a new one, unless their constructor keeps failing and nobody else can work.

        Actors that the cluster itself loses are replaced for as long as `tend` allows: that is no fault of theirs.
        """
        self._deaths += 1
        broken = isinstance(error, ray.exceptions.RayActorError) and error.actor_init_failed
        if broken and self._deaths >= self._runtime.max_tries and not self._usable:
            raise WorkersError(f"mask workers cannot start ({self._deaths} tries in a row): {error}") from error
        self._log.of(worker=number).warning("died, starting another: %s", error)
        self._dismiss(number)
        self._later.append((time.monotonic() + backoff_s(self._deaths), None))

    def _check(self, now: float) -> None:
        if self._usable or not len(self):
            self._worked = self._complained = now
            return
        waited = now - self._worked
        if waited > self._runtime.start_timeout_s:
            raise WorkersError(
                f"{self._waiting()} for {waited:.0f} s (runtime.start_timeout_s); check the cluster's size and "
                "runtime.gpus_per_worker, then run the same command again"
            )
        if now - self._complained > COMPLAIN_EVERY_S:
            self._complained = now
            self._log.warning("%s", self._waiting())

    def _waiting(self) -> str:
        cpus, gpus = resources()
        return f"{len(self)} mask workers wait, and none works, in a cluster of {cpus:g} CPUs and {sum(gpus):g} GPUs"
