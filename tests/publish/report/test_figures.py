"""The report's figures are those of the committed rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from higan_cam.config import parse_config
from higan_cam.publish.report import figures as figures_module
from higan_cam.publish.report.assemble import Measured, assemble
from higan_cam.publish.report.content import StageTiming
from higan_cam.publish.report.figures import read_figures, read_timings, reasons
from higan_cam.store import manifest_index
from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import CARD_KEY, DATA
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from higan_cam.types import Sample
from tests.support.samples import commit_run, sample_of

EMPTY = {1, 6}


def sample(index: int) -> Sample:
    made = replace(sample_of(index), retention=index / 10)
    if index not in EMPTY:
        return made
    return replace(made, mask=np.zeros_like(made.mask), regions=(), status="empty", reason="no cluster")


def test_columns_and_regions_are_of_every_row(store: Store) -> None:
    config = commit_run(store, [sample(index) for index in range(11)])
    read = read_figures(config, store)
    assert read is not None
    figures, _ = read
    np.testing.assert_allclose(figures.columns["retention"], np.arange(11) / 10, atol=1e-6)
    assert figures.region_counts.tolist() == [0 if index in EMPTY else 2 for index in range(11)]
    assert figures.region_areas.tolist() == [24 / 16**2] * 18
    assert reasons(figures) == {"no cluster": 2}
    assert sum(figures.rows.values()) == 11
    assert figures.sizes == {split: sum(store.sizes(f"data/{split}-").values()) for split in figures.sizes}
    assert (figures.shards_read, figures.shards) == (3, 3)


def test_the_first_samples_are_shown_as_they_were_published(store: Store) -> None:
    config = commit_run(store, [sample(index) for index in range(8)])
    read = read_figures(config, store)
    assert read is not None
    figures, views = read
    assert [view.index for view in views] == [0, 1, 2, 3]
    for view, made in zip(views, map(sample, range(4)), strict=True):
        np.testing.assert_array_equal(view.positive, made.image)
        np.testing.assert_array_equal(view.negative, made.negative)
        np.testing.assert_array_equal(view.mask, made.mask)
        np.testing.assert_allclose(view.heat, made.heat, atol=1e-5)
        assert [region.centroid for region in view.regions] == [region.centroid for region in made.regions]
        assert (view.status, view.reason) == (made.status, made.reason)
    np.testing.assert_allclose(figures.mean_mask, np.mean([view.mask / 255 for view in views], axis=0))


def test_samples_without_a_score_are_shown_as_such_and_left_out_of_the_cards_mean(store: Store) -> None:
    made = [sample(0), replace(sample(1), score=math.nan, score_negative=math.nan), sample(2)]
    config = commit_run(store, made)
    read = read_figures(config, store)
    assert read is not None
    views = read[1]
    assert [math.isnan(view.score_negative) for view in views[:2]] == [False, True]
    assemble(config, store, None, Measured(), read)
    assert "mean score change" in store.get(CARD_KEY).decode()
    assert "nan" not in store.get(CARD_KEY).decode().partition("## Quality")[2].partition("##")[0]


def test_the_card_says_no_change_of_scores_that_nobody_knows(store: Store) -> None:
    config = commit_run(store, [replace(sample(index), score_negative=math.nan) for index in range(2)])
    assemble(config, store, None, Measured(), read_figures(config, store))
    assert "mean score change" not in store.get(CARD_KEY).decode()


def test_of_a_huge_run_evenly_spread_shards_are_read_the_first_and_the_last_among_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures_module, "MAX_SHARDS", 3)
    config = commit_run(store, [sample(index) for index in range(10)], shard_size=2)
    read = read_figures(config, store)
    assert read is not None
    assert read[0].columns["index"].tolist() == [0, 1, 4, 5, 8, 9]
    assert (read[0].shards_read, read[0].shards) == (3, 5)
    assert sum(read[0].rows.values()) == 10, "the table of splits counts the whole run"


def test_a_run_without_shards_has_no_figures(store: Store) -> None:
    config = parse_config({})
    begin_run(store, config)
    assert read_figures(config, store) is None


def test_a_stage_takes_the_wall_time_of_one_pass_or_what_its_workers_took(store: Store) -> None:
    for stage, shard in (("scores", 0), ("scores", 1), ("data", 0)):
        store.put(f"stats/{stage}-{shard:05d}.json", canonical_json({"rows": 10, "seconds": 4.0}))
    assert read_timings(store, {"label": (5.0, 2)}) == (
        StageTiming("label", 5.0, 20, 2, 2),
        StageTiming("mask", 4.0, 10, 1, 1),
    )


def test_an_index_of_the_manifest_is_no_timing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commit_run(store, [sample(index) for index in range(8)])
    before = read_timings(store, {})
    monkeypatch.setattr(manifest_index, "WORTH_IT", 1)
    monkeypatch.setattr(manifest_index, "TICK_S", 0.0)
    assert manifest_index.index_manifest(store, DATA)
    assert read_timings(store, {}) == before
