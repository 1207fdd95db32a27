"""Where pictures lie: on this machine, in memory, in a bucket."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from higan_cam.store.store import Store, open_store

BUCKETS = [
    "local",
    "memory",
    pytest.param("s3_uri", marks=pytest.mark.integration),
    pytest.param("gcs_uri", marks=pytest.mark.integration),
]


@pytest.fixture(params=BUCKETS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty folder of every kind, to put pictures into."""
    if request.param == "local":
        return open_store(tmp_path / "pictures")
    return open_store(
        f"memory://{uuid.uuid4()}/pictures" if request.param == "memory" else request.getfixturevalue(request.param)
    )


@pytest.fixture
def output() -> Store:
    """An empty output of a run."""
    return open_store(f"memory://{uuid.uuid4()}/run")


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """`folder_of({name: bytes})`: a new local folder."""

    def make(files: dict[str, bytes]) -> Path:
        for name, body in files.items():
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return tmp_path / "photos"

    return make
