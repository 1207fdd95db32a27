"""A run into gs:// is the run on the disk, byte for byte, and goes on from what is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from higan_cam.config import load_config
from higan_cam.runtime.run import run_stages
from higan_cam.store.store import open_store
from tests.support.gcs_server import GcsServer
from tests.support.small_runs import OUTSIDE_IDENTITY, SMALL, digests

pytestmark = pytest.mark.integration


def test_a_run_in_a_bucket_equals_the_one_on_the_disk_and_resumes(reference_run: Path, gcs_server: GcsServer) -> None:
    uri = f"gs://{gcs_server.create_bucket()}/rooms/run"
    # Workers find the server in the configuration alone. Shards count as large objects, and go up as those do.
    where = (f"output={uri}", f"store.endpoint_url={gcs_server.endpoint_url}", "store.multipart_bytes=20000")
    config = load_config(None, [*SMALL, *where, "runtime.workers=1"])
    run_stages(config)
    assert _digests(gcs_server, uri) == digests(reference_run)
    store = open_store(uri, config.store)
    assert min(store.sizes("data/").values()) > config.store.multipart_bytes
    store.put(store.list("data/")[0], b"damaged")
    run_stages(config, stages=("mask",))
    assert _digests(gcs_server, uri) == digests(reference_run)


def _digests(server: GcsServer, uri: str) -> dict[str, str]:
    return {
        key: hashlib.sha256(body).hexdigest()
        for key, body in server.objects(uri).items()
        if key.split("/")[0] not in OUTSIDE_IDENTITY
    }
