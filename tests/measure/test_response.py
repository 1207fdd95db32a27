"""How the embedded scores answer to the lighting boundary: over distances, and row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from higan_cam.config import RunConfig
from higan_cam.errors import DataError
from higan_cam.label import load_scorer
from higan_cam.manipulate import relevance
from higan_cam.measure.response import edit_sweep, layer_relevance, with_measured_layers, with_response
from higan_cam.pipeline import Models
from higan_cam.store.canonical import canonical_json
from higan_cam.types import Boundary


def test_the_mean_score_rises_with_every_step_and_by_more_than_a_level(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    distances, images, scores = edit_sweep(models, config, boundary, range(12))
    assert distances == (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    assert images.shape == (12, 7, 128, 128, 3)
    mean = scores.mean(axis=0)
    assert np.all(np.diff(mean) > 0)
    assert mean[-1] - mean[0] > 1.0


def test_response_band_holds_the_middle_four_fifths(boundary: Boundary) -> None:
    response = with_response(boundary, (0.0,), np.arange(11.0)[:, None]).metrics["score_response"]
    assert (response["p10"], response["mean"], response["p90"]) == ([1.0], [5.0], [9.0])
    assert (response["distances"], response["samples"]) == ([0.0], 11)


@pytest.mark.slow
def test_the_rows_that_carry_lighting_raise_the_score_nearly_as_much_alone_as_all_do(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    found = relevance(layer_relevance(models, config, boundary, range(8), 2.0)[..., 0])
    measured = with_measured_layers(boundary, found)
    assert 0 < len(measured.layers) < models.generator.num_layers
    assert measured.metrics["rescoring"]["overall"] == pytest.approx(found.overall)
    settings = config.model_copy(update={"edit": config.edit.model_copy(update={"distance": 2.0})})
    (_, _, carried), (_, _, all_rows) = (
        edit_sweep(models, settings, replace(boundary, layers=rows), range(8))
        for rows in (measured.layers, tuple(range(models.generator.num_layers)))
    )
    assert (carried[:, -1] - carried[:, 3]).mean() > 0.5 * (all_rows[:, -1] - all_rows[:, 3]).mean()


def test_other_scorers_see_the_same_edits(models: Models, config: RunConfig, boundary: Boundary) -> None:
    scores = layer_relevance(models, config, boundary, range(8), 2.0, [load_scorer("luminance")])
    assert scores.shape == (8, 2 + models.generator.num_layers, 2)
    assert (scores[:, 1] > scores[:, 0]).mean(axis=0).min() > 0.8  # more light: higher level, brighter picture


def test_a_boundary_that_raises_no_score_recommends_no_rows(boundary: Boundary) -> None:
    with pytest.raises(DataError, match=r"boundary\.layers: no row of w\+ raises"):
        with_measured_layers(boundary, relevance(np.zeros((3, 14))))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_without_a_score_are_counted_and_left_out_of_the_response(boundary: Boundary, value: float) -> None:
    scores = np.random.default_rng(0).random((6, 3)).astype(np.float32)
    whole = with_response(boundary, (-1, 0, 1), scores[1:]).metrics["score_response"]
    scores[0, 2] = value
    found = with_response(boundary, (-1, 0, 1), scores).metrics["score_response"]
    assert found == {**whole, "left_out": 1}
    assert "left_out" not in whole
    assert canonical_json(found)


def test_a_response_that_no_sample_is_left_for_is_an_error(boundary: Boundary) -> None:
    with pytest.raises(DataError, match=r"each of 2 samples .* has a NaN or infinite score at some distance"):
        with_response(boundary, (-1, 1), np.array([[np.nan, 1.0], [0.0, np.nan]]))
