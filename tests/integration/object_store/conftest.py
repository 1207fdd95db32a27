"""A bucket behind the fault-injecting proxy, and a store that gives up soon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from higan_cam.store.store import open_store
from tests.integration.object_store.bench import SETTINGS, Bench
from tests.integration.object_store.proxy import FaultProxy
from tests.support.s3_server import S3Server


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """The proxy in front of the server."""
    with FaultProxy(s3_server.endpoint_url) as running:
        yield running


@pytest.fixture
def bench(s3_server: S3Server, s3_uri: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A fresh bucket behind the proxy, which spoils nothing yet."""
    proxy.heal()
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint_url)
    return Bench(proxy, s3_server, s3_uri, open_store(s3_uri, SETTINGS))
