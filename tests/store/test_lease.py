"""One driver at a time: a living one is left alone, a dead one is succeeded, and nobody compares clocks for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from higan_cam.errors import LeaseHeldError, LeaseLostError
from higan_cam.store.canonical import canonical_json
from higan_cam.store.lease import Holder, Lease, read_lease
from higan_cam.store.processes import machine
from higan_cam.store.store import Store, open_store
from tests.chaos.namespace import obstacle
from tests.support.waiting import PATIENCE_S, wait_until

DRIVER = """
import sys, time
from higan_cam.errors import LeaseLostError
from higan_cam.store.lease import Lease
from higan_cam.store.store import open_store
lease = Lease(open_store(sys.argv[1]), lease_s=float(sys.argv[2]))
try:
    with lease.held(lambda: {"stage": "mask"}):
        print("held", flush=True)
        while sys.argv[3] == "check":
            lease.check()
            time.sleep(0.01)
        input()
except LeaseLostError as error:
    print(error, flush=True)
"""
NAMESPACE = ("unshare", "-p", "-f", "--mount-proc", "--kill-child")
needs_proc = pytest.mark.skipif(not machine(), reason="this system has no /proc to see processes by")


@contextmanager
def driver(store: Store, lease_s: float, mode: str = "wait", within: tuple[str, ...] = ()) -> Iterator[_Driver]:
    """Another process that holds the lease until it is told to end."""
    command = [*within, sys.executable, "-c", DRIVER, store.uri, str(lease_s), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


_Driver = subprocess.Popen[str]


def leave_lease(store: Store, **fields: object) -> Holder:
    """A lease of a driver on a machine that nobody here can look into."""
    holder = Holder(1, host="elsewhere", pid=7, since="2026-01-01T00:00:00+00:00")
    store.put(holder.key, canonical_json({"number": 1, "host": "elsewhere", "pid": 7, **fields}))
    return holder


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return open_store(tmp_path / "run")


def test_a_released_lease_is_followed_at_once_by_the_next(store: Store) -> None:
    for number in (1, 2, 3):
        with Lease(store, lease_s=600).held():
            there = read_lease(store)
            assert there is not None
            assert (there.number, there.pid, there.released) == (number, os.getpid(), False)
        there = read_lease(store)
        assert there is not None
        assert there.released
    assert all(key.startswith("stats/lease/") for key in store.list())


@needs_proc
def test_a_living_driver_is_refused_and_named(store: Store) -> None:
    with (
        Lease(store, lease_s=600).held(),
        pytest.raises(LeaseHeldError, match=rf"pid {os.getpid()}.*lease_wait_s") as e,
        Lease(store).held(),
    ):
        raise AssertionError("held twice")
    assert e.value.exit_code == 2


def test_a_lease_of_another_machine_is_taken_over_once_it_has_been_silent(store: Store) -> None:
    leave_lease(store, lease_s=0.3, renewed="2999-01-01T00:00:00+00:00")  # its clock is wrong, and does not matter
    with Lease(store).held():
        there = read_lease(store)
        assert there is not None
        assert there.number == 2


def test_a_driver_of_another_machine_is_refused_once_it_is_seen_to_renew(store: Store) -> None:
    holder = leave_lease(store, lease_s=60.0, renewed="2000-01-01T00:00:00+00:00")
    done = threading.Event()

    def renew() -> None:
        beat = 0
        while not done.wait(0.05):
            beat += 1
            leave_lease(store, lease_s=60.0, beat=beat)

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        with pytest.raises(LeaseHeldError, match="host elsewhere, pid 7"), Lease(store).held():
            raise AssertionError("held twice")
    finally:
        done.set()
        renewing.join()
    assert store.list("stats/lease/") == (holder.key,)


def test_one_of_eight_drivers_succeeds_a_silent_one(store: Store) -> None:
    leave_lease(store, lease_s=0.3)
    all_tried = threading.Barrier(8)

    def attempt(_: int) -> bool:
        try:
            with Lease(store, lease_s=600).held():
                all_tried.wait(60)
                return True
        except LeaseHeldError:
            all_tried.wait(60)
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"lease_s": "long"}', b'{"progress": 3}', b'{"unheard": 1}'])
def test_an_unreadable_lease_is_one_of_an_unknown_driver_that_expires(store: Store, body: bytes) -> None:
    store.put(Holder(1).key, body)
    there = read_lease(store)
    assert there is not None
    assert there == Holder(1)
    assert (there.host, there.alive, there.lease_s) == ("unknown", None, 30.0)


@needs_proc
def test_a_driver_killed_on_this_machine_is_succeeded_without_waiting_for_its_lease(local: Store) -> None:
    with driver(local, lease_s=100_000) as process:
        process.kill()
        process.wait()
        with Lease(local).held():
            there = read_lease(local)
    assert there is not None
    assert (there.number, there.pid) == (2, os.getpid())


def test_a_driver_that_was_paused_too_long_stops_itself_and_says_who_took_over(local: Store) -> None:
    with driver(local, lease_s=1, mode="check") as process:
        os.kill(process.pid, signal.SIGSTOP)
        with Lease(local, lease_s=600, wait_s=60).held():
            os.kill(process.pid, signal.SIGCONT)
            said, _ = process.communicate(timeout=PATIENCE_S)
            assert f"another one has taken over (host {os.uname().nodename}, pid {os.getpid()}" in said
        there = read_lease(local)
    assert there is not None
    assert (there.number, there.released) == (2, True)


@pytest.mark.namespaces
def test_a_driver_in_another_process_namespace_is_refused_while_it_lives_and_succeeded_when_killed(
    local: Store,
) -> None:
    if reason := obstacle():
        pytest.skip(reason)
    with driver(local, lease_s=2, within=NAMESPACE) as process:
        with pytest.raises(LeaseHeldError), Lease(local).held():
            raise AssertionError("held twice")
        process.kill()
        with Lease(local).held():
            there = read_lease(local)
    assert there is not None
    assert there.number == 2


def test_a_patient_driver_waits_for_the_other_to_finish(local: Store) -> None:
    with driver(local, lease_s=600) as process, ThreadPoolExecutor(1) as pool:

        def wait_for_it() -> int:
            with Lease(local, wait_s=600).held():
                there = read_lease(local)
                return there.number if there is not None else 0

        waiting = pool.submit(wait_for_it)
        assert not waiting.done()
        process.communicate("\n")
        assert waiting.result(timeout=PATIENCE_S) == 2


def test_renewals_carry_what_the_driver_says_about_itself(store: Store) -> None:
    def told() -> bool:
        there = read_lease(store)
        return there is not None and there.beat > 1 and there.progress == {"mask": {"done": 3}}

    with Lease(store, lease_s=0.3).held(lambda: {"mask": {"done": 3}}):
        wait_until(told, "the holder is told")


def test_a_lost_lease_is_not_written_as_released(store: Store) -> None:
    lease = Lease(store, lease_s=0.3)
    with lease.held():
        store.put_new(Holder(2).key, canonical_json({"host": "elsewhere", "pid": 7}))

        def lost() -> bool:
            try:
                lease.check()
            except LeaseLostError:
                return True
            return False

        wait_until(lost, "the lease is lost")
    there = read_lease(store)
    assert there is not None
    assert (there.number, there.host, there.released) == (2, "elsewhere", False)
