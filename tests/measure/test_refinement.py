"""Both masks of a refined run on samples that its student has not learned from, planted so that the answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.measure.refinement import compare_masks
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.splits import plan_splits
from higan_cam.store.keys import DATA, PILOT, pilot_path, shard_path
from higan_cam.store.manifest import commit_shard
from higan_cam.store.run import begin_run, record_student
from higan_cam.store.store import Store, open_store
from higan_cam.types import Sample, Status
from tests.support.samples import sample_of

SIDE, SIZE, SHARDS = 16, 4, 3
HELD_OUT = 1
"""Of three shards the second one."""
CONFIG = parse_config({"mask": {"count": SIZE * SHARDS, "shard_size": SIZE, "refine": "student", "pilot": 12}})


def marked(index: int, columns: int, retention: float) -> Sample:
    """The left `columns` columns are the mask."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, :columns] = 255
    status: Status = "ok" if columns else "empty"
    return replace(sample_of(index, SIDE), mask=mask, retention=retention, status=status)


def commit(store: Store, stage: str, shard: int, samples: list[Sample], config: RunConfig = CONFIG) -> None:
    path = pilot_path(shard) if stage == PILOT else shard_path(*plan_splits(SHARDS, config.publish)[shard])
    commit_shard(
        store,
        stage=stage,
        shard=shard,
        path=path,
        body=encode_shard(samples),
        rows=len(samples),
        config_hash=config_hash(config),
    )


def of_shard(shard: int, make: Callable[[int], Sample]) -> list[Sample]:
    return [make(index) for index in range(shard * SIZE, (shard + 1) * SIZE)]


def plain(index: int) -> Sample:
    return marked(index, 4, 0.5)


def learned_from(index: int) -> Sample:
    """Nobody asks of it."""
    return marked(index, 4, 9.5)


def refined(index: int) -> Sample:
    """The last sample of each shard has no mask."""
    return marked(index, 0 if index % SIZE == SIZE - 1 else 8, 0.75)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Pilot: 4 columns, retention .5; refined: 8 and .75, but for the last sample of each shard, without a mask."""
    store = open_store(tmp_path / "run")
    begin_run(store, CONFIG)
    record_student(store, "a" * 64)
    for shard in range(SHARDS):
        commit(store, PILOT, shard, of_shard(shard, plain if shard == HELD_OUT else learned_from))
        commit(store, DATA, shard, of_shard(shard, refined))
    return store


def test_held_out_samples_are_compared_figure_by_figure(store: Store) -> None:
    view = compare_masks(CONFIG, store)
    assert view is not None
    assert (view.compared, view.pilot, view.attribution, view.sha256) == (4, 12, "light_change", "a" * 64)
    assert view.with_mask == {"pilot": 4, "refined": 3}
    rows = {row.name: row for row in view.rows}
    assert rows["retention"].samples == 3
    figures = (rows["retention"].pilot, rows["retention"].refined, rows["retention"].gain)
    assert [each.value for each in figures] == pytest.approx([0.5, 0.75, 0.25])
    assert view.overlap is not None
    assert view.overlap.value == pytest.approx((3 * 0.5 + 0) / 4)


def test_nothing_is_said_of_a_run_that_is_not_refined_or_has_no_student_yet(store: Store, tmp_path: Path) -> None:
    assert compare_masks(CONFIG.unrefined, store) is None
    fresh = open_store(tmp_path / "fresh")
    begin_run(fresh, CONFIG)
    assert compare_masks(CONFIG, fresh) is None
    record_student(fresh, "a" * 64)
    commit(fresh, PILOT, HELD_OUT, of_shard(HELD_OUT, plain))
    assert compare_masks(CONFIG, fresh) is None
