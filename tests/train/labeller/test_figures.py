"""Figures of a two-valued classifier, the published ones against recorded values (shared/reference2, section 8)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.label.labelled.scorer import mean_logit
from higan_cam.train.labeller.figures import auroc, calibration_error, confusion, cross_entropy, label_figures


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    if not (shared / "reference2").is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return shared / "reference2"


def test_published_validation_figures_are_met(folder: Path) -> None:
    with np.load(folder / "nets.npz", allow_pickle=False) as stored:
        probability, label = stored["ensemble_predictions"][:, 0].astype(np.float64), stored["validation_labels"] > 0.5
    for row in json.loads((folder / "nets.json").read_text())["validation"]:
        counts = confusion(probability, label, row["threshold"])
        found = (counts.true_positive, counts.true_negative, counts.false_positive, counts.false_negative)
        assert found == tuple(row[name] for name in ("tp", "tn", "fp", "fn"))
        assert counts.accuracy.value == pytest.approx(row["val_accuracy"], abs=1e-6)
        assert counts.recall.value == pytest.approx(row["val_recall"], abs=1e-6)
        assert counts.precision.value == pytest.approx(row["val_precision"], abs=1e-6)
        assert counts.f1 == pytest.approx(row["val_f1_score"], abs=1e-6)
        assert auroc(probability, label) == pytest.approx(row["val_auroc"], abs=1e-6)
        assert cross_entropy(probability, label) == pytest.approx(row["val_loss"], abs=1e-6)


def test_published_ensemble_is_the_mean_at_temperature_one(folder: Path) -> None:
    with np.load(folder / "nets.npz", allow_pickle=False) as stored:
        each, mean = torch.from_numpy(stored["ensemble_predictions"]).double(), stored["ensemble_mean_rounded4"]
    found = torch.sigmoid(mean_logit(torch.logit(each).T, 1.0)).numpy()
    np.testing.assert_allclose(np.round(found, 4), mean, atol=1e-6)


def test_probabilities_that_are_right_have_little_calibration_error_and_wrong_ones_their_own() -> None:
    source = np.random.default_rng(0)
    probability = source.uniform(size=20_000)
    label = source.uniform(size=20_000) < probability
    assert calibration_error(probability, label) < 0.02
    assert calibration_error(np.full(20_000, 0.8), label) == pytest.approx(0.3, abs=0.01)


def test_ranking_counts_ties_half_and_is_undefined_of_one_label() -> None:
    assert auroc(np.array([0.2, 0.5, 0.5, 0.9]), np.array([False, False, True, True])) == 7 / 8
    assert np.isnan(auroc(np.array([0.2]), np.array([True])))


def test_every_figure_lies_within_its_interval() -> None:
    source = np.random.default_rng(1)
    label = source.uniform(size=80) < 0.4
    probability = np.clip(0.5 + 0.2 * (label - 0.5) + 0.2 * source.normal(size=80), 0, 1)
    figures = label_figures(probability, label, 0.5)
    assert set(figures) == {
        *("accuracy", "recall", "precision", "f1", "auroc", "calibration_error", "cross_entropy"),
    }
    for name in set(figures) - {"calibration_error"}:  # whose resamples are off upwards
        assert figures[name].low <= figures[name].value <= figures[name].high, name
