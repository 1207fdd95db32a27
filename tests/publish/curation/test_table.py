"""The figures of a run come back in order of index, with null as NaN."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from higan_cam.publish.curation.table import read_samples
from higan_cam.publish.image_hash import image_hash
from higan_cam.store.store import Store
from tests.support.samples import commit_run, sample_of


def test_samples_come_in_order_of_index_and_know_where_they_lie(store: Store) -> None:
    samples = [sample_of(index) for index in (7, 3, 5, 0, 9)]
    samples[1] = replace(samples[1], retention=math.nan, regions=(), status="empty")
    commit_run(store, samples, shard_size=2)
    table = read_samples(store)
    assert table.columns["index"].tolist() == [0, 3, 5, 7, 9]
    assert (table.shard.tolist(), table.row.tolist()) == ([1, 0, 1, 0, 2], [1, 1, 0, 0, 0])
    assert table.columns["regions"].tolist() == [2, 0, 2, 2, 2]
    assert np.isnan(table.columns["retention"]).tolist() == [False, True, False, False, False]
    assert table.columns["score_change"].tolist() == [2.0] * 5
    assert table.hashes[3].tobytes().hex() == image_hash(samples[0].image)
    assert set(table.columns["split"]) == {"train", "validation", "test"}


def test_another_set_of_shards_has_another_fingerprint(store: Store) -> None:
    commit_run(store, [sample_of(index) for index in range(6)], shard_size=2)
    whole = read_samples(store)
    store.put("manifest/data-00001.json", b"{}")
    part = read_samples(store)
    assert (len(whole), len(part)) == (6, 4)
    assert whole.fingerprint != part.fingerprint
