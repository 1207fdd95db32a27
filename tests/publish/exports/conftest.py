"""A finished run and an empty target."""

from __future__ import annotations

import uuid

import pytest

from higan_cam.store.store import Store, open_store
from tests.publish.exports.runs import write_run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Five shards of three samples, two of which have no mask. Read only."""
    store = open_store(tmp_path_factory.mktemp("source") / "run")
    write_run(store)
    return store


@pytest.fixture
def target() -> Store:
    """An empty place, in memory: what is tested here does not depend on where the bytes lie."""
    return open_store(f"memory://{uuid.uuid4()}/export")
