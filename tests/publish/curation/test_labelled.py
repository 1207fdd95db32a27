"""A labeller's probability is one more figure that curation goes by, and its held-out precision is passed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from higan_cam.config import CurationConfig
from higan_cam.errors import ConfigError
from higan_cam.publish.curation.labelled import Labeller
from higan_cam.publish.curation.selection import curate, load_selection
from higan_cam.publish.exports import export_run
from higan_cam.store.store import Store, open_store
from higan_cam.types import ByteArray, FloatArray
from tests.support.samples import commit_run, sample_of

OFF: dict[str, Any] = {"min_regions": None, "duplicate_distance": None}
TOLD = {"min_probability": {"words": "precision 97.0% [90.0, 99.0]", "precision": 0.97}}


def redness(pictures: ByteArray) -> FloatArray:
    """Mean red in [0,1]: the samples' pictures are noise, so it is near one half."""
    return np.asarray(pictures[..., 0].mean(axis=(1, 2)) / 255)


def redness_of(index: int) -> float:
    return float(redness(sample_of(index).original[None])[0])


def test_samples_go_by_the_probability_of_their_originals(store: Store) -> None:
    commit_run(store, [sample_of(index) for index in range(9)])
    middle = float(np.median([redness_of(index) for index in range(9)]))
    rules = CurationConfig(labeller="runs/labeller", min_probability=middle, **OFF)
    summary = curate(store, rules, labeller=Labeller(redness, TOLD))
    kept = load_selection(store, "default")
    assert kept.index[kept.kept].tolist() == [index for index in range(9) if redness_of(index) >= middle]
    assert summary.dropped == {"min_probability": 4}
    assert kept.expected == ("min_probability: precision 97.0% [90.0, 99.0]",)


def test_an_export_passes_on_what_is_to_be_expected(store: Store, tmp_path: Path) -> None:
    commit_run(store, [sample_of(index) for index in range(4)])
    rules = CurationConfig(labeller="runs/labeller", min_probability=0.1, **OFF)
    curate(store, rules, labeller=Labeller(redness, TOLD))
    export_run(store, open_store(tmp_path / "export"), "imagefolder", selection="default")
    assert "- min_probability: precision 97.0% [90.0, 99.0]" in (tmp_path / "export" / "README.md").read_text()


def test_a_labeller_and_its_bounds_go_together(store: Store) -> None:
    commit_run(store, [sample_of(0)])
    halves: tuple[dict[str, Any], ...] = ({"labeller": "runs/labeller"}, {"min_probability": 0.5})
    for alone in halves:
        with pytest.raises(ConfigError, match="give both"):
            curate(store, CurationConfig(**alone))
    with pytest.raises(ConfigError, match=r"curation\.labeller"):
        curate(store, CurationConfig(labeller="x", max_probability=0.5))
