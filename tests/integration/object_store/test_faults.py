"""Every request of every operation survives every fault, or the operation says clearly what is wrong.

The promise: after any fault an operation has succeeded with exactly the right bytes, or it has raised `StoreError`
within bounded time; no object is ever half there, none too many, and no credential in anything that can be printed.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from higan_cam.errors import StoreError
from higan_cam.publish.scores import encode_scores
from higan_cam.store.keys import manifest_key
from higan_cam.store.manifest import commit_shard
from higan_cam.store.store import Store
from tests.integration.object_store.bench import PART, Bench
from tests.integration.object_store.proxy import ALWAYS, ECHOED_TOKEN, FAULTS, TRANSIENT, everything_said
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.ceph]
EVERY = os.environ.get("HIGAN_CAM_FAULTS") == "every"
"""Every fault at every request of every operation: the nightly size (`HIGAN_CAM_FAULTS=every`)."""
SMALL = b"small body" * 1000
LARGE = np.random.Generator(np.random.Philox(key=1)).bytes(2 * PART - 1000)
SHARD = encode_scores(np.arange(8), np.zeros(8, np.float32))
PATH = "scores/part-00000.parquet"


def _commit(store: Store) -> object:
    return commit_shard(store, stage="scores", shard=0, path=PATH, body=SHARD, rows=8, config_hash="c").differing


WRITES: dict[str, tuple[Callable[[Store], object], object, dict[str, bytes]]] = {
    "put_new": (lambda store: store.put_new("a", SMALL), True, {"a": SMALL}),
    "put": (lambda store: store.put("a", SMALL), None, {"a": SMALL}),
    "put_new_large": (lambda store: store.put_new("a", LARGE), True, {"a": LARGE}),
    "put_large": (lambda store: store.put("a", LARGE), None, {"a": LARGE}),
    "commit": (_commit, None, {PATH: SHARD}),
}
"""{name: (operation, result, objects afterwards)}."""
READS: dict[str, tuple[Callable[[Store], object], object]] = {
    "get": (lambda store: store.get("there"), SMALL),
    "find": (lambda store: store.find("absent"), None),
    "size": (lambda store: store.size("there"), len(SMALL)),
    "sizes": (lambda store: store.sizes(), {"there": len(SMALL)}),
    "find_many": (lambda store: store.find_many(["there", "absent"]), {"there": SMALL}),
    "is_empty": (lambda store: store.is_empty(), False),
}
"""{name: (operation, result)} where "there" is an object."""
WORST = {
    "error_500": ("put", "find_many"),
    "error_503": ("put_new", "sizes"),
    "slow_down": ("commit", "size"),
    "conflict": ("put_new", "is_empty"),
    "bad_gateway": ("commit", "find"),
    "reset_before": ("put", "get"),
    "reset_mid_body": ("put_new_large", "is_empty"),
    "reset_after": ("commit", "sizes"),
    "stall_before": ("put_new", "find_many"),
    "stall_after": ("put_large", "sizes"),
    "truncated": ("commit", "get"),
    "expired_token": ("put_new_large", "find"),
    "access_denied": ("commit", "size"),
}
"""{fault: (write, read)} where it can do most harm: CI's size."""
ROOM_FOR_CLEANING = 4
"""Requests after the fault: itself, what was in flight beside it, and the end of an upload."""


def _writes(faults: Iterable[str]) -> list[tuple[str, str]]:
    return [(write, fault) for fault in faults for write in (WRITES if EVERY else WORST[fault][:1])]


def _reads(faults: Iterable[str]) -> list[tuple[str, str]]:
    return [(read, fault) for fault in faults for read in (READS if EVERY else WORST[fault][1:])]


@pytest.mark.parametrize(("write", "fault"), _writes(TRANSIENT))
def test_a_write_survives_a_fault_at_any_of_its_requests(write: str, fault: str, bench: Bench) -> None:
    operation, result, objects = WRITES[write]
    store = bench.opened(fault)
    for at in _each_request(bench, operation):
        bench.proxy.spoil(fault, at)
        assert operation(store) == result
        _only(objects, bench)
        assert bench.server.orphaned_parts(bench.bucket) == 0


@pytest.mark.parametrize(("read", "fault"), _reads(TRANSIENT))
def test_a_read_survives_a_fault(read: str, fault: str, bench: Bench) -> None:
    operation, result = READS[read]
    bench.place("there", SMALL)
    bench.proxy.spoil(fault)
    if (read, fault) == ("find", "truncated"):
        pytest.skip("half of a 404 is not understood, and not tried again: see the test below")
    assert operation(bench.opened(fault)) == result
    assert len(bench.proxy.requests) > 1


@pytest.mark.parametrize(("write", "fault"), _writes(FAULTS))
def test_a_write_that_fails_for_good_names_the_key_and_leaves_nothing_half_done(
    write: str, fault: str, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    operation, result, objects = WRITES[write]
    store = bench.opened(fault, retry_s=0)
    caplog.set_level(logging.DEBUG, "higan_cam")
    for at in _each_request(bench, operation):
        bench.proxy.spoil(fault, at, ALWAYS)
        with pytest.raises(StoreError, match=r"/run: cannot (write|read) (a|scores|manifest).*\(.*\); \w") as caught:
            operation(store)
        assert len(bench.proxy.requests) <= at + ROOM_FOR_CLEANING
        _without_secrets(caught.value, caplog.text, bench)
        bench.proxy.heal()
        assert all(body == objects.get(key, body) for key, body in bench.objects().items())
        assert operation(bench.store) in (result, False)  # False: the fault came after the object was complete
        _only(objects, bench)


@pytest.mark.parametrize(("read", "fault"), _reads(FAULTS))
def test_a_read_that_fails_for_good_says_so(
    read: str, fault: str, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.place("there", SMALL)
    bench.proxy.spoil(fault, 0, ALWAYS)
    caplog.set_level(logging.DEBUG, "higan_cam")
    with pytest.raises(StoreError, match=r"s3://test-.*/run: cannot (read|list) .*\(.*\); \w") as caught:
        READS[read][0](bench.opened(fault, retry_s=0))
    assert read in ("sizes", "is_empty") or re.search("there|absent", str(caught.value)), "the key is not named"
    _without_secrets(caught.value, caplog.text, bench)


@pytest.mark.parametrize(("fault", "fix"), [("expired_token", "renew"), ("access_denied", "rights")])
def test_what_waiting_cannot_cure_is_not_tried_again(fault: str, fix: str, bench: Bench) -> None:
    bench.proxy.spoil(fault, 0, ALWAYS)
    with pytest.raises(StoreError, match=fix):
        bench.store.put_new("a", SMALL)
    assert len(bench.proxy.requests) == 1


def test_tries_do_not_multiply(bench: Bench) -> None:
    bench.proxy.spoil("slow_down", 0, 4)
    assert bench.store.put_new("a", SMALL)
    assert len(bench.proxy.requests) == 5


def test_a_lost_answer_is_told_from_somebody_elses_object(bench: Bench) -> None:
    bench.proxy.spoil("reset_after")
    assert bench.store.put_new("ours", SMALL)
    bench.place("theirs", b"theirs")
    bench.proxy.spoil("reset_before")
    assert not bench.store.put_new("theirs", SMALL)
    assert bench.objects() == {"ours": SMALL, "theirs": b"theirs"}


def test_a_part_that_is_lost_is_sent_again_alone(bench: Bench) -> None:
    bench.proxy.spoil("reset_mid_body", 2)
    assert bench.store.put_new("a", LARGE)
    assert sum("partNumber" in request for request in bench.proxy.requests) == 3
    assert sum("uploads" in request for request in bench.proxy.requests) == 1


@pytest.mark.parametrize("times", [1, 10])
def test_what_is_there_after_an_upload_is_compared_with_what_was_sent(times: int, bench: Bench) -> None:
    """Another writer's object of the same size takes the place of ours before we look."""
    theirs, requests = LARGE[::-1], bench.proxy.requests

    def meddle(number: int) -> None:
        completed = [request for request in requests[:number] if request.startswith("POST") and "uploadId" in request]
        if number and requests[number - 1] in completed and len(completed) <= times:
            bench.place("a", theirs)

    bench.proxy.choose = meddle
    assert not bench.store.put_new("a", LARGE)
    assert bench.objects() == {"a": theirs}
    requests.clear()
    if times == 1:
        bench.store.put("a", LARGE)
        assert bench.objects() == {"a": LARGE}
    else:
        with pytest.raises(StoreError, match=r"cannot write a \(wrote .* found others.*another run"):
            bench.store.put("a", LARGE)
    assert bench.server.orphaned_parts(bench.bucket) == 0


def test_a_commit_costs_two_requests_and_a_listing_one(bench: Bench) -> None:
    _commit(bench.store)
    assert [request.split()[0] for request in bench.proxy.requests] == ["PUT", "PUT"]
    bench.proxy.heal()
    assert set(bench.store.sizes()) == {PATH, manifest_key("scores", 0)}
    assert len(bench.proxy.requests) == 1


def test_a_store_that_drops_out_is_waited_for(bench: Bench) -> None:
    if bench.server.kind != "ceph":
        pytest.skip("moto loses its objects")
    bench.server.server.drop()
    try:
        with pytest.raises(StoreError, match="tries"):
            bench.opened(retry_s=0.5).put_new("a", SMALL)
        bench.proxy.heal()
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(bench.opened(retry_s=60).put_new, "a", SMALL)
            wait_until(lambda: len(bench.proxy.requests) >= 3, "it is asked again")
            bench.server.server.restore()
            assert written.result(60)
    finally:
        bench.server.server.restore()
    _only({"a": SMALL}, bench)


def _each_request(bench: Bench, operation: Callable[[Store], object]) -> Iterator[int]:
    """Numbers of the requests that the undisturbed operation needs; each begins with an empty bucket."""
    bench.proxy.heal()
    operation(bench.store)
    for at in range(len(bench.proxy.requests)):
        bench.server.empty(bench.uri)
        yield at


def _only(objects: dict[str, bytes], bench: Bench) -> None:
    """Exactly these objects are there, besides manifest entries."""
    assert {key: body for key, body in bench.objects().items() if not key.startswith("manifest/")} == objects


def _without_secrets(error: BaseException, logged: str, bench: Bench) -> None:
    """Neither the error, nor what is behind it, nor the log holds the secret key or the token that the server sent."""
    everything = everything_said(error, logged)
    assert bench.server.server.secret_key not in everything
    assert ECHOED_TOKEN not in everything
