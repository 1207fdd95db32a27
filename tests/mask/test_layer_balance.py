"""What layers count: weights and scales that are measured over the run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.config import AttributionConfig, RunConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.attribution import make_attribution
from higan_cam.mask.grad_cam import GradCam, LayerBalance, hires_cam_map
from higan_cam.mask.layer_balance import BALANCE_KEY, measured_balance, needs_balance, stored_balance
from higan_cam.measure.response import layer_peaks, with_layer_balance
from higan_cam.pipeline import Models, attribute_unit
from higan_cam.types import Boundary, WorkUnit
from tests.support.scorers import Pair, SmoothScore

TAPS = (2, 3, 4)
SCORER = SmoothScore()
BOTH = AttributionConfig(name="hires_cam", layer_weights="relevance", scale="run")


def cam(layers: tuple[int, ...] = TAPS, balance: LayerBalance | None = None) -> GradCam:
    return GradCam(hires_cam_map, layers, 16, balance=balance or LayerBalance())


def test_a_layer_of_no_weight_might_as_well_not_be_tapped(generator: StyleGAN2, pair: Pair) -> None:
    weighted = cam(balance=LayerBalance(weights=(0.3, 0.0, 0.3)))(generator, SCORER, *pair)
    torch.testing.assert_close(weighted, cam((2, 4))(generator, SCORER, *pair), atol=1e-4, rtol=0)


def test_only_the_ratio_of_weights_counts(generator: StyleGAN2, pair: Pair) -> None:
    one, ten = (cam(balance=LayerBalance(weights=(k, 2 * k, 3 * k)))(generator, SCORER, *pair) for k in (1.0, 10.0))
    torch.testing.assert_close(one, ten, atol=1e-6, rtol=0)


def test_a_sample_whose_layers_peak_at_the_runs_scales_keeps_its_map(generator: StyleGAN2, pair: Pair) -> None:
    alone = Pair(pair.negative[:1], pair.positive[:1])
    peaks = cam().peaks(generator, SCORER, *alone)
    by_run = cam(balance=LayerBalance(scales=tuple(peaks[0].tolist())))(generator, SCORER, *alone)
    torch.testing.assert_close(by_run, cam()(generator, SCORER, *alone), atol=1e-5, rtol=0)


def test_a_layer_that_hardly_answers_counts_little_by_the_runs_scale(generator: StyleGAN2, pair: Pair) -> None:
    peaks = cam().peaks(generator, SCORER, *pair).mean(dim=0).tolist()
    quiet = LayerBalance(scales=(peaks[0], 1e6 * peaks[1], peaks[2]))
    others = LayerBalance(scales=(peaks[0], peaks[2]))
    heats = [cam(layers, balance)(generator, SCORER, *pair) for layers, balance in ((TAPS, quiet), ((2, 4), others))]
    torch.testing.assert_close(*heats, atol=1e-4, rtol=0)


def test_a_layer_that_never_answered_is_not_divided_by_zero(generator: StyleGAN2, pair: Pair) -> None:
    assert cam(balance=LayerBalance(scales=(0.0, 1.0, 1.0)))(generator, SCORER, *pair).isfinite().all()


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({}, False),
        ({"scale": "run"}, True),
        ({"layer_weights": "relevance"}, True),
        ({"name": "path", "scale": "run"}, False),
    ],
)
def test_layers_are_measured_only_where_something_asks(settings: dict[str, str], needed: bool) -> None:
    assert needs_balance(AttributionConfig.model_validate({"name": "hires_cam", **settings})) is needed


def test_what_is_stored_is_what_is_used() -> None:
    metrics = {
        BALANCE_KEY: measured_balance(BOTH, TAPS, np.arange(6) / 8, np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    }
    assert stored_balance(BOTH, TAPS, metrics) == LayerBalance((0.25, 0.375, 0.5), (2.0, 2.0, 2.0))
    assert stored_balance(BOTH.model_copy(update={"scale": "sample"}), TAPS, metrics).scales is None
    assert stored_balance(AttributionConfig(name="hires_cam"), TAPS, {}) == LayerBalance()


@pytest.mark.parametrize("other", [{"name": "layer_cam"}, {"sign": "negative"}, {}])
def test_layers_measured_for_something_else_are_refused(other: dict[str, str]) -> None:
    config = BOTH.model_copy(update=other)
    metrics = {BALANCE_KEY: measured_balance(BOTH, TAPS if other else (1, 2), np.ones(6), np.ones((1, 3)))}
    with pytest.raises(ConfigError, match=r"the boundary has no measured layers for .* on layers \[2, 3, 4\]"):
        stored_balance(config, TAPS, metrics)


def test_layers_that_never_raise_the_score_are_refused() -> None:
    metrics = {BALANCE_KEY: measured_balance(BOTH, TAPS, np.zeros(6), np.ones((1, 3)))}
    with pytest.raises(ConfigError, match=r"moving none of the tapped layers \[2, 3, 4\] alone"):
        make_attribution(BOTH, TAPS, metrics)


def test_a_run_measures_its_layers_and_then_uses_them(models: Models, config: RunConfig, boundary: Boundary) -> None:
    settings = config.model_copy(update={"attribution": BOTH.model_copy(update={"layers": "4-6"})})
    with pytest.raises(ConfigError, match="no measured layers for hires_cam"):
        attribute_unit(models, settings, boundary, WorkUnit(0, 0, 2))
    peaks = layer_peaks(models, settings, boundary, range(4))
    assert peaks.shape == (4, 3)
    ready = with_layer_balance(models, settings, boundary, np.eye(models.generator.num_layers)[5], peaks)
    heat = attribute_unit(models, settings, ready, WorkUnit(0, 0, 2)).heat
    alone = settings.model_copy(update={"attribution": AttributionConfig(name="hires_cam", layers="5")})
    np.testing.assert_allclose(heat, attribute_unit(models, alone, boundary, WorkUnit(0, 0, 2)).heat, atol=1e-4)


def test_samples_whose_maps_are_not_finite_measure_nothing() -> None:
    peaks = np.array([[1.0, 2.0, 3.0], [np.nan, 1.0, 1.0], [3.0, 2.0, 1.0]])
    found = measured_balance(BOTH, TAPS, np.ones(6), peaks)
    assert (found["scales"], found["samples"]) == ([2.0, 2.0, 2.0], 2)
    with pytest.raises(DataError, match=r"attribution\.scale: maps of all 1 samples hold NaN"):
        measured_balance(BOTH, TAPS, np.ones(6), peaks[1:2])
