"""Google's API under the faults of `proxy`: what `test_faults` promises for S3 holds here too.

Objects in one request meet the server that honours conditions, uploads in parts the one that knows how far they got
(`tests.support.gcs_server`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from higan_cam.config import StoreConfig
from higan_cam.errors import StoreError
from higan_cam.store.keys import manifest_key
from higan_cam.store.manifest import commit_shard
from higan_cam.store.store import Store, open_store
from tests.integration.object_store.proxy import ALWAYS, ECHOED_TOKEN, PERMANENT, TRANSIENT, FaultProxy, everything_said
from tests.integration.object_store.test_faults import EVERY, PATH, READS, SHARD, SMALL
from tests.support.gcs_server import GcsServer

pytestmark = pytest.mark.integration
PART = 5 * 2**20
LARGE = np.random.Generator(np.random.Philox(key=2)).bytes(2 * PART + 1000)
SETTINGS = StoreConfig(connect_timeout_s=5, read_timeout_s=30, retry_s=60, multipart_bytes=2**20, part_bytes=PART)
PASSING = tuple(fault for fault in TRANSIENT if fault != "conflict")
"""A 409 of Google's is not said to pass."""
WORST = PASSING if EVERY else ("error_503", "reset_mid_body", "reset_after")
"""Of those, the ones that can do most harm to a write: CI's size."""
READ_OF = dict(zip((*PASSING, *PERMANENT), [*READS, *READS, *READS], strict=False))
"""{fault: read}: each meets one, all reads meet one or more."""
UPLOAD = re.compile("upload_id=([^&]+)")


@dataclass(frozen=True)
class GcsBench:
    """A server, the proxy in front of it, and an empty `gs://bucket/run`."""

    proxy: FaultProxy
    server: GcsServer
    uri: str

    def opened(self, fault: str = "", **settings: float) -> Store:
        """The place through the proxy; where the fault is silence, with little patience for it."""
        if "stall" in fault:
            settings = {"read_timeout_s": 0.5, **settings}
        return open_store(self.uri, SETTINGS.model_copy(update={"endpoint_url": self.proxy.endpoint_url, **settings}))

    def objects(self) -> dict[str, bytes]:
        """{key: bytes} of what is really there."""
        return self.server.objects(self.uri)

    def each_request(self, operation: Callable[[Store], object]) -> Iterator[int]:
        """Numbers of the requests that the undisturbed operation needs; each begins with an empty place."""
        self.proxy.heal()
        operation(self.opened())
        for at in range(len(self.proxy.requests)):
            self.server.empty(self.uri)
            yield at


@pytest.fixture(scope="module")
def proxy(gcs_server: GcsServer) -> Iterator[FaultProxy]:
    """Before the server that honours conditions."""
    with FaultProxy(gcs_server.endpoint_url) as running:
        yield running


@pytest.fixture(scope="module")
def second_proxy(gcs_second_server: GcsServer) -> Iterator[FaultProxy]:
    """Before the server that knows how far an upload got."""
    with FaultProxy(gcs_second_server.endpoint_url) as running:
        yield running


@pytest.fixture
def small(gcs_server: GcsServer, proxy: FaultProxy) -> GcsBench:
    """Where objects go up in one request."""
    proxy.heal()
    return GcsBench(proxy, gcs_server, f"gs://{gcs_server.create_bucket()}/run")


@pytest.fixture
def large(gcs_second_server: GcsServer, second_proxy: FaultProxy) -> GcsBench:
    """Where objects go up in parts."""
    second_proxy.heal()
    return GcsBench(second_proxy, gcs_second_server, f"gs://{gcs_second_server.create_bucket()}/run")


def _commit(store: Store) -> object:
    return commit_shard(store, stage="scores", shard=0, path=PATH, body=SHARD, rows=8, config_hash="c").differing


@pytest.mark.parametrize("fault", sorted({*WORST, "stall_after", "truncated"}))
def test_a_commit_survives_a_fault_at_any_of_its_requests(fault: str, small: GcsBench) -> None:
    for at in small.each_request(_commit):
        small.proxy.spoil(fault, at)
        assert _commit(small.opened(fault)) is None
        there = small.objects()
        assert there.pop(PATH) == SHARD
        assert list(there) == [manifest_key("scores", 0)]


@pytest.mark.parametrize("fault", WORST)
def test_an_upload_in_parts_survives_a_fault_at_any_of_its_requests(fault: str, large: GcsBench) -> None:
    for at in large.each_request(lambda store: store.put_new("a", LARGE)):
        large.proxy.spoil(fault, at)
        assert large.opened(fault).put_new("a", LARGE)
        assert large.objects() == {"a": LARGE}


@pytest.mark.parametrize(("fault", "read"), [(fault, read) for fault, read in READ_OF.items() if fault in PASSING])
def test_a_read_survives_a_fault(fault: str, read: str, small: GcsBench) -> None:
    operation, result = READS[read]
    small.server.place(small.uri, "there", SMALL)
    small.proxy.spoil(fault)
    assert operation(small.opened(fault)) == result
    assert len(small.proxy.requests) > 1


@pytest.mark.parametrize("fault", [*WORST[1:], "access_denied"])
def test_a_write_that_fails_for_good_names_the_key_and_leaves_nothing_half_done(
    fault: str, large: GcsBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "higan_cam")
    for at in large.each_request(lambda store: store.put_new("a", LARGE)):
        large.proxy.spoil(fault, at, ALWAYS)
        with pytest.raises(StoreError, match=r"/run: cannot write a \(.*\); \w") as caught:
            large.opened(fault, retry_s=0).put_new("a", LARGE)
        _without_secrets(caught.value, caplog.text, large.proxy)
        large.proxy.heal()
        assert large.objects() in ({}, {"a": LARGE})
        large.opened().put_new("a", LARGE)  # False where the fault came after the object was complete
        assert large.objects() == {"a": LARGE}


@pytest.mark.parametrize(("fault", "read"), READ_OF.items())
def test_a_read_that_fails_for_good_says_so(
    fault: str, read: str, small: GcsBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "higan_cam")
    small.server.place(small.uri, "there", SMALL)
    small.proxy.spoil(fault, 0, ALWAYS)
    with pytest.raises(StoreError, match=r"gs://test-.*/run: cannot (read|list) .*\(.*\); \w") as caught:
        READS[read][0](small.opened(fault, retry_s=0))
    assert read in ("sizes", "is_empty") or re.search("there|absent", str(caught.value)), "the key is not named"
    _without_secrets(caught.value, caplog.text, small.proxy)


def test_a_right_that_is_missing_is_not_asked_for_again(small: GcsBench) -> None:
    small.proxy.spoil("access_denied", 0, ALWAYS)
    with pytest.raises(StoreError, match=r"cannot write a \(403 AccessDenied: Access Denied\); give .* the rights"):
        small.opened().put_new("a", SMALL)
    assert len(small.proxy.requests) == 1


def test_tries_do_not_multiply(small: GcsBench) -> None:
    small.proxy.spoil("slow_down", 0, 4)
    assert small.opened().put_new("a", SMALL)
    assert len(small.proxy.requests) == 5


def test_a_lost_answer_is_told_from_somebody_elses_object(small: GcsBench) -> None:
    small.proxy.spoil("reset_after")
    assert small.opened().put_new("ours", SMALL)
    small.server.place(small.uri, "theirs", b"theirs")
    small.proxy.spoil("reset_before")
    assert not small.opened().put_new("theirs", SMALL)
    assert small.objects() == {"ours": SMALL, "theirs": b"theirs"}


def test_a_part_that_is_lost_is_sent_again_alone(large: GcsBench) -> None:
    large.proxy.spoil("reset_mid_body", 2)
    large.opened().put("a", LARGE)
    begun, *puts = [request.split()[0] for request in large.proxy.requests]
    assert (begun, puts) == ("POST", ["PUT"] * 5)  # three parts, one of them twice, and the question in between
    assert large.objects() == {"a": LARGE}


def test_an_upload_that_is_given_up_is_cancelled_and_never_seen(small: GcsBench) -> None:
    small.proxy.spoil("access_denied", 4)
    with pytest.raises(StoreError, match="403"):
        small.opened().put_new("a", LARGE)
    assert [request.split()[0] for request in small.proxy.requests[2:]] == ["POST", "PUT", "PUT", "DELETE"]
    assert small.opened().is_empty()
    assert small.objects() == {}


def test_a_commit_costs_two_requests_and_a_listing_one(small: GcsBench) -> None:
    _commit(small.opened())
    assert [request.split()[0] for request in small.proxy.requests] == ["POST", "POST"]
    small.proxy.heal()
    assert set(small.opened().sizes()) == {PATH, manifest_key("scores", 0)}
    assert len(small.proxy.requests) == 1


def _without_secrets(error: BaseException, logged: str, proxy: FaultProxy) -> None:
    """Neither the error, nor what is behind it, nor the log holds what lets others write, or what the server sent."""
    everything = everything_said(error, logged)
    assert ECHOED_TOKEN not in everything
    assert not [upload for request in proxy.requests for upload in UPLOAD.findall(request) if upload in everything]
