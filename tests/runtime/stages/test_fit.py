"""Settling the boundary: what is measured before the first mask is stored with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from higan_cam.config import load_config
from higan_cam.config.attributes import members
from higan_cam.errors import DataError
from higan_cam.manipulate import encode_boundary, save_boundary, select_extremes
from higan_cam.mask import BALANCE_KEY
from higan_cam.measure.response import layer_peaks
from higan_cam.pipeline import Models
from higan_cam.publish.report.statistics import UNLABELLED_KEY
from higan_cam.runtime.preflight import condition_files
from higan_cam.runtime.stages import fit
from higan_cam.runtime.stages.fit import conditions_of, find_boundary, settle_boundary
from higan_cam.runtime.stages.score_tally import Labels
from higan_cam.store import open_store
from higan_cam.store.keys import boundary_keys
from higan_cam.types import Boundary


@pytest.mark.integration
@pytest.mark.usefixtures("local_ray")
def test_what_layers_count_is_measured_once_and_stored_with_the_boundary(
    tmp_path: Path, models: Models, boundary: Boundary
) -> None:
    ready, _ = save_boundary(boundary, tmp_path)
    settings = {
        "output": tmp_path / "run",
        "label.count": 3,
        "mask.count": 3,
        "boundary.weights": ready,
        "attribution.name": "layer_cam",
        "attribution.layers": "4-6",
        "attribution.layer_weights": "relevance",
    }
    config = load_config(None, [f"{name}={value}" for name, value in settings.items()])
    store = open_store(config.output)
    settled = settle_boundary(config, store, models, None)
    balance = settled.metrics[BALANCE_KEY]
    assert (balance["layers"], balance["samples"]) == ([4, 5, 6], 3)
    np.testing.assert_allclose(
        balance["scales"], layer_peaks(models, config, boundary, range(3)).mean(axis=0), rtol=1e-4
    )
    assert balance["weights"][0] + balance["weights"][1] > 10 * balance["weights"][2]
    found = find_boundary(config, store)
    assert found is not None
    assert found.metrics[BALANCE_KEY] == balance


def plain(attribute: str, place: int) -> Boundary:
    return Boundary(np.eye(4, dtype=np.float32)[place], 0.0, "w", (0,), attribute)


def test_conditions_come_from_files_and_from_the_run_of_another_attribute(tmp_path: Path) -> None:
    view, _ = save_boundary(plain("view", 1), tmp_path)
    runs = members(
        load_config(
            None,
            [
                f"output={tmp_path / 'both'}",
                "attributes.lighting={}",
                f"attributes.warmth.boundary.conditions=[lighting, {view}]",
            ],
        )
    )
    warmth = runs["warmth"]
    assert condition_files(warmth) == {1: view}
    with pytest.raises(DataError, match=r"both/lighting: no boundary is there yet, and 'warmth' is conditioned on it"):
        conditions_of(warmth)
    store = open_store(runs["lighting"].output)
    for key, body in zip(boundary_keys(runs["lighting"]), encode_boundary(plain("lighting", 2)), strict=True):
        store.put(key, body)
    assert [(each.attribute, int(each.normal.argmax())) for each in conditions_of(warmth)] == [
        ("lighting", 2),
        ("view", 1),
    ]


def test_samples_without_a_score_are_counted_with_the_reasons_of_the_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scores = np.tile(np.array([0.1, np.nan, 0.3, np.nan]), 50)
    labels = Labels(
        select_extremes(scores, np.arange(200), 2), np.arange(200), scores, np.zeros(1, np.int64), np.zeros(2)
    )
    asked: list[int] = []

    def reasons(_: object, indices: list[int]) -> dict[str, int]:
        asked.extend(indices)
        return {"no nose": 60, "no eyes": 4}

    monkeypatch.setattr(fit, "reasons_of_samples", reasons)
    with caplog.at_level("WARNING", logger="higan_cam"):
        found = fit.with_unlabelled(load_config(), plain("yaw", 0), labels)
    assert asked == list(range(1, 128, 2))
    assert "unlabelled: 100 of 200 (no nose 60, no eyes 4 of the first 64)" in caplog.text
    assert found.metrics[UNLABELLED_KEY] == {"count": 100, "of": 200, "reasons": {"no nose": 60, "no eyes": 4}}
    every = Labels(
        select_extremes(scores[::2], np.arange(100), 2), np.arange(100), scores[::2], np.zeros(1, np.int64), np.zeros(2)
    )
    assert UNLABELLED_KEY not in fit.with_unlabelled(load_config(), plain("yaw", 0), every).metrics
