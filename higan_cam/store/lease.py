"""One driver per output: a lease in the store that its holder keeps renewing and that outlives the holder only briefly.

Lease n is `stats/lease/{n:06d}.json`, and the highest number rules. It is created exclusively, which is all that is
asked of the store (no conditional overwrite, no delete); from then on its creator alone rewrites it, with a higher
`beat`, three times per `lease_s`. Who finds a lease takes the next number if that lease was released, if its process
is dead (seen only from the same machine), or if it stayed the same for `lease_s` while being watched. Clocks are
compared only on one machine; the times in a lease are otherwise there to be read by people.

A holder that was paused for longer finds the next number taken and stops. Until it notices, two drivers may run;
that costs double work and nothing else, because shards are committed exclusively and byte for byte the same (see
`manifest`). So a lease saves work and makes mistakes visible; correctness does not hang on it. For the same reason a
network file system that shows changes late can, at worst, stop a living driver.

Old leases stay, as the list of drivers that the run has had; they lie in stats/, outside the run's identity.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from higan_cam.errors import LeaseHeldError, LeaseLostError, StoreError
from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import LEASES, lease_key, lease_number
from higan_cam.store.processes import is_alive, machine, process_start
from higan_cam.store.store import Store

RENEWALS = 3
"""Renewals per lease period: two may fail before anyone may take over."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """What a lease says about the driver that holds it.

    Attributes:
        number: of the lease.
        host, pid: where the driver runs.
        machine, born: identify the process beyond doubt for others on the same machine; "" where that is unknown.
        since, renewed: UTC, ISO 8601, by the holder's clock.
        lease_s: seconds without a renewal after which another driver may take over.
        beat: counts renewals.
        released: the driver ended in good order.
        progress: what the driver says about its stages, as JSON.
    """

    number: int
    host: str = "unknown"
    pid: int = 0
    machine: str = ""
    born: str = ""
    since: str = ""
    renewed: str = ""
    lease_s: float = 30.0
    beat: int = 0
    released: bool = False
    progress: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Where the lease lies in the store."""
        return lease_key(self.number)

    @property
    def silent_s(self) -> float:
        """Seconds since the last renewal, by this machine's clock and the holder's; infinite where it is unknown."""
        try:
            return (datetime.now(UTC) - datetime.fromisoformat(self.renewed)).total_seconds()
        except (TypeError, ValueError):
            return float("inf")

    @property
    def alive(self) -> bool | None:
        """Whether its process lives; None where that cannot be seen from this machine."""
        return is_alive(self.pid, self.born) if self.machine and self.machine == machine() else None

    def __str__(self) -> str:
        return f"host {self.host}, pid {self.pid}, since {self.since}, last renewed {self.renewed}"


def read_lease(store: Store) -> Holder | None:
    """The lease that rules, or None where there has never been one. One listing and one read."""
    numbers = [number for key in store.list(LEASES) if (number := lease_number(key)) is not None]
    if not numbers:
        return None
    holder = Holder(max(numbers))
    return _decoded(holder, store.find(holder.key))


class Lease:
    """A driver's claim to an output directory.

    Args:
        store: the output directory.
        lease_s: seconds without a renewal after which another driver may take over.
        wait_s: how long to wait for a living holder to finish before giving up.
    """

    def __init__(self, store: Store, lease_s: float = 30.0, wait_s: float = 0.0) -> None:
        self._store, self._lease_s, self._wait_s = store, lease_s, wait_s
        self._holder: Holder | None = None
        self._progress: Callable[[], Mapping[str, Any]] = dict
        self._confirmed = 0.0
        self._lost_to: Holder | None = None
        self._turn = threading.Lock()
        self._stop = threading.Event()

    @contextmanager
    def held(self, progress: Callable[[], Mapping[str, Any]] = dict) -> Iterator[None]:
        """Hold the lease for the time of the block; `progress` is asked, from another thread, at every renewal.

        Raises:
            LeaseHeldError: another driver is alive.
            StoreError: the store cannot be read or written.
        """
        self._progress = progress
        self._holder = _acquire(self._store, self._lease_s, self._wait_s)
        self._confirmed = time.monotonic()
        _log.info("lease=%d host=%s pid=%d", self._holder.number, self._holder.host, self._holder.pid)
        renewing = threading.Thread(target=self._renew_until_stopped, name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._stop.set()
            renewing.join()
            self._release()

    def check(self) -> None:
        """Call before going on with anything; costs nothing while renewals succeed.

        Raises:
            LeaseLostError: another driver has taken over.
        """
        if time.monotonic() - self._confirmed > self._lease_s:  # paused, or the store was away: look before going on
            self._try_to_renew()
        if self._lost_to is not None:
            raise LeaseLostError(
                f"{self._store.uri}: this driver could not renew its lease for {self._lease_s:g} s, and another one "
                f"has taken over ({self._lost_to}); this one stops. What it committed counts."
            )

    def _renew_until_stopped(self) -> None:
        while self._lost_to is None and not self._stop.wait(self._lease_s / RENEWALS):
            self._try_to_renew()

    def _try_to_renew(self) -> None:
        with self._turn:
            try:
                self._renew(released=False)
            except StoreError as error:
                _log.warning("lease not renewed, trying again: %s", error)

    def _renew(self, *, released: bool) -> None:
        if self._holder is None or self._lost_to is not None:
            return
        holder = replace(self._holder, renewed=_now(), released=released, progress=dict(self._progress()))
        self._holder = replace(holder, beat=holder.beat + 1)
        self._store.put(self._holder.key, _encoded(self._holder))
        # Looked up after the write: whoever took over before it is seen now, whoever tries later sees the write.
        successor = Holder(self._holder.number + 1)
        body = self._store.find(successor.key)
        if body is None:
            self._confirmed = time.monotonic()
        else:
            self._lost_to = _decoded(successor, body)
            _log.warning("lease=%d lost to %s", self._holder.number, self._lost_to)

    def _release(self) -> None:
        with self._turn:
            try:
                self._renew(released=True)
            except StoreError as error:
                _log.warning("lease not released, it expires in %g s: %s", self._lease_s, error)


@dataclass
class _Watch:
    """How long a lease has stayed the same, by this process' monotonic clock."""

    looked: float = field(default_factory=time.monotonic)
    seen: tuple[int, int] | None = None
    same_s: float = 0.0
    renewed: bool = False

    def look(self, holder: Holder) -> None:
        """Take note of what the lease says now."""
        gap, self.looked = time.monotonic() - self.looked, time.monotonic()
        beat = (holder.number, holder.beat)
        self.renewed = self.renewed or self.seen not in (None, beat)
        # After a pause of its own, or while the store was away, the watcher has seen nothing: it starts again.
        self.same_s = self.same_s + gap if beat == self.seen and gap < holder.lease_s / 2 else 0.0
        self.seen = beat


def _acquire(store: Store, lease_s: float, wait_s: float) -> Holder:
    deadline = time.monotonic() + wait_s
    watch, announced = _Watch(), False
    while True:
        there = read_lease(store)
        if there is not None:
            watch.look(there)
        if there is None or _is_free(there, watch):
            ours = _ours(1 if there is None else there.number + 1, lease_s)
            if store.put_new(ours.key, _encoded(ours)):
                return ours
            continue
        living = watch.renewed or (there.alive and there.silent_s < there.lease_s)
        if living and time.monotonic() >= deadline:
            raise LeaseHeldError(_refusal(store, there))
        if not announced:
            patience = f"waiting up to {wait_s:g} s for it to finish" if living else "watching whether it is alive"
            _log.warning("%s has another driver (%s); %s", store.uri, there, patience)
            announced = True
        time.sleep(min(1.0, there.lease_s / 10))


def _is_free(there: Holder, watch: _Watch) -> bool:
    return there.released or there.alive is False or watch.same_s >= there.lease_s


def _refusal(store: Store, there: Holder) -> str:
    return (
        f"{store.uri}: another driver is at work there ({there}); its lease expires {there.lease_s:g} s after the last "
        "renewal. Let it finish, stop it, or choose another output; to wait for it, set runtime.lease_wait_s"
    )


def _ours(number: int, lease_s: float) -> Holder:
    pid, now = os.getpid(), _now()
    return Holder(number, socket.gethostname(), pid, machine(), process_start(pid), now, now, lease_s)


def _encoded(holder: Holder) -> bytes:
    return canonical_json(asdict(holder))


def _decoded(holder: Holder, body: bytes | None) -> Holder:
    """The lease as its body says; where that is not readable, one that nothing is known of and that will expire."""
    try:
        decoded = replace(holder, **{**json.loads(body or b""), "number": holder.number})
    except (ValueError, TypeError):
        return holder
    return decoded if isinstance(decoded.lease_s, int | float) and isinstance(decoded.progress, Mapping) else holder


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
