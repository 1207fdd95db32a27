"""The report of a run that relights shows its first samples with a region at every setting, in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from higan_cam.publish.report.students.lights import RELIT, read_relit
from higan_cam.store import open_store
from tests.publish.exports.runs import EMPTY, SHARD_SIZE, small_config, write_run
from tests.support.samples import lit_sample


def test_the_first_samples_with_lights_are_shown(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    write_run(store, lit=True)
    views = read_relit(small_config(lit=True), store)
    first_shard = [index for index in range(SHARD_SIZE) if index not in EMPTY]
    assert [view.name for view in views] == [f"{index:08d}" for index in first_shard[:RELIT]]
    sample = lit_sample(0)
    assert [words for _, words in views[0].settings] == ["switch on"] * 3
    np.testing.assert_array_equal(views[0].settings[1][0], sample.lights[1].image)
    np.testing.assert_array_equal(views[0].unlit, sample.negative)


def test_a_run_that_relights_nothing_shows_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    write_run(store)
    assert read_relit(small_config(), store) == ()
