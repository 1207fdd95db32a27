"""One site in this process, driven without a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from higan_cam.app.site import BYTES, Settings, site
from higan_cam.app.wire import unpack

Ask = Callable[..., tuple[dict[str, Any], dict[str, bytes]]]


@pytest.fixture(scope="session")
def client() -> TestClient:
    """A visitor of a site on loopback."""
    return TestClient(site(Settings()), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def ask(client: TestClient) -> Ask:
    """`ask(path, body)`: what an answer says, and its files."""

    def call(path: str, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
        answer = client.post(path, content=body, headers={"content-type": BYTES})
        assert answer.status_code == 200, answer.text
        return unpack(answer.content, 1_000_000)

    return call
