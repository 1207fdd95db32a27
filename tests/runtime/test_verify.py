"""Shards hashed by tasks of a real Ray: the same problems as one process finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.config import RunConfig, config_hash
from higan_cam.runtime.verify import AT_A_TIME, digests_on_cluster
from higan_cam.store import Store, begin_run, open_store, verify_run
from higan_cam.store.canonical import digest
from higan_cam.store.keys import scores_path
from higan_cam.store.manifest import commit_shard
from tests.support.commands import Command

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("local_ray")]
SHARDS = 2 * AT_A_TIME + 1


@pytest.fixture
def run(tmp_path: Path) -> Store:
    """Shards for three tasks."""
    store, config = open_store(str(tmp_path)), RunConfig()
    begin_run(store, config)
    for shard in range(SHARDS):
        body = f"shard {shard:05d}".encode()
        commit_shard(
            store,
            stage="scores",
            shard=shard,
            path=scores_path(shard),
            body=body,
            rows=1,
            config_hash=config_hash(config),
        )
    return store


def test_digests_come_in_order_and_none_of_an_object_that_is_not_there(run: Store) -> None:
    keys = [scores_path(shard) for shard in range(SHARDS)]
    wanted = [digest(f"shard {shard:05d}".encode()) for shard in range(SHARDS)]
    assert list(digests_on_cluster(run, [*keys, "scores/no.parquet"])) == [*wanted, None]
    assert list(digests_on_cluster(run, [])) == []


def test_the_command_finds_on_a_cluster_what_it_finds_here(run: Store, higan_cam: Command) -> None:
    run.put(scores_path(SHARDS - 1), b"shard -----")
    (Path(run.root) / scores_path(3)).unlink()
    here, there = higan_cam("verify", run.uri), higan_cam("verify", run.uri, "--address", "auto")
    assert here == there
    assert here[0] == 1
    assert [(each.kind, each.key) for each in verify_run(run, digests_on_cluster)] == [
        ("missing", scores_path(3)),
        ("differing", scores_path(SHARDS - 1)),
    ]
