"""Poor or not: thresholds from the generator's own samples, or from the configuration."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config.pictures import InvertConfig
from higan_cam.generate import StyleGAN2
from higan_cam.invert import (
    Calibration,
    CodeStatistics,
    Inversion,
    Thresholds,
    calibrate,
    invert_pictures,
    judge_of,
    judged,
    thresholds_of,
)
from higan_cam.invert.result import Verdict
from higan_cam.invert.verdict import MARGIN_DB, MARGIN_FEATURES, calibration_of
from higan_cam.store.canonical import canonical_json
from higan_cam.weights import efficientnet_lite0
from higan_cam.weights.efficientnet_lite0 import EfficientNetLite0
from tests.support.scorers import SmoothScore

OWN = Calibration(samples=100, psnr=36.0, feature_distance=0.2, typical_psnr=41.0, typical_feature_distance=0.1)


def inversion(psnr: list[float], feature_distance: list[float]) -> Inversion:
    count = len(psnr)
    unjudged: tuple[Verdict, ...] = tuple("ok" for _ in psnr)
    nothing, none = np.zeros(count, np.float32), np.zeros(count, np.int64)
    return Inversion(
        w_plus=np.zeros((count, 2, 3), np.float32),
        psnr=np.array(psnr),
        feature_distance=np.array(feature_distance),
        score_picture=nothing,
        score=nothing,
        distance=nothing,
        delta=nothing,
        best_step=none,
        steps=none,
        camera=np.zeros((count, 8), np.float32),
        verdict=unjudged,
        reason=("",) * count,
    )


def test_poor_pictures_have_a_reason_and_others_none() -> None:
    found = judged(inversion([40.0, 18.0, 30.0, 17.0], [0.1, 0.1, 0.9, 0.9]), Thresholds(24.0, 0.5))
    assert found.verdict == ("ok", "poor", "poor", "poor")
    assert found.reason == (
        "",
        "PSNR 18.0 dB, below 24.0 dB",
        "feature distance 0.90, above 0.50",
        "PSNR 17.0 dB, below 24.0 dB; feature distance 0.90, above 0.50",
    )


def test_unknown_features_are_no_reason_and_an_unknown_psnr_is() -> None:
    found = judged(inversion([40.0, math.nan], [math.nan, 0.1]), Thresholds(24.0, 0.5))
    assert found.verdict == ("ok", "poor")


def test_numbers_of_the_configuration_come_before_measured_ones() -> None:
    config = InvertConfig(min_psnr=20.0)
    assert thresholds_of(config, OWN) == Thresholds(20.0, MARGIN_FEATURES * OWN.feature_distance)
    assert thresholds_of(InvertConfig(max_feature_distance=0.7), OWN) == Thresholds(OWN.psnr - MARGIN_DB, 0.7)


def test_without_a_calibration_auto_asks_for_nothing() -> None:
    assert thresholds_of(InvertConfig(), None) == Thresholds(-math.inf, math.inf)
    unknown = replace(OWN, feature_distance=math.nan)
    assert thresholds_of(InvertConfig(), unknown).max_feature_distance == math.inf


def test_a_calibration_is_the_tail_of_own_samples() -> None:
    own = calibration_of(inversion(list(np.linspace(30, 40, 101)), list(np.linspace(0, 1, 101))))
    assert (own.samples, own.typical_psnr) == (101, 35.0)
    assert own.psnr == pytest.approx(30.1)
    assert own.feature_distance == pytest.approx(0.99)
    assert math.isnan(calibration_of(inversion([40.0], [math.nan])).feature_distance)


def test_what_a_generator_never_draws_is_poor_and_its_own_samples_are_not(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor
) -> None:
    config = InvertConfig(method="optimise", steps=60, align=False, precision="float32")
    own = calibrate(generator, config, statistics, samples=8)
    assert own.psnr > 30
    checks = torch.full((1, 3, 32, 32), -0.9)
    checks[..., ::2] = 0.9
    both = torch.cat([pictures, checks])
    found = invert_pictures(generator, both, config, statistics, calibration=own)
    assert found.verdict == ("ok", "ok", "ok", "poor")


def test_what_differs_more_than_two_samples_do_is_poor_however_badly_samples_are_drawn() -> None:
    badly = replace(OWN, psnr=18.0, feature_distance=0.9, strangers=1.1)
    found = judged(inversion([19.0, 19.0], [0.6, 1.2]), thresholds_of(InvertConfig(), badly))
    assert found.verdict == ("ok", "poor")
    assert (
        thresholds_of(InvertConfig(), replace(badly, feature_distance=0.1)).max_feature_distance
        == MARGIN_FEATURES * 0.1
    )


def test_a_calibration_without_features_is_written_and_read() -> None:
    blind = replace(OWN, feature_distance=math.nan, typical_feature_distance=math.nan)
    assert repr(Calibration.of_json(json.loads(canonical_json(blind.to_json())))) == repr(blind)
    assert thresholds_of(InvertConfig(), blind).max_feature_distance == math.inf
    assert (
        Calibration.of_json({name: value for name, value in OWN.to_json().items() if name != "strangers"}).samples
        == 100
    )


def test_a_network_of_natural_pictures_judges_where_the_scorer_has_no_features(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(efficientnet_lite0, "load_efficientnet_lite0", lambda _: EfficientNetLite0())
    config = InvertConfig(method="optimise", steps=1, align=False)
    blind = calibrate(generator, config, statistics, scorer=SmoothScore(), samples=4)
    seeing = config.model_copy(update={"networks": {"efficientnet_lite0": "a file"}})
    own = calibrate(generator, seeing, statistics, scorer=SmoothScore(), samples=4)
    found = invert_pictures(generator, pictures, seeing, statistics, scorer=SmoothScore(), calibration=own)
    assert math.isnan(blind.strangers)
    assert own.strangers > 0
    assert (found.feature_distance > 0).all()


class Counting(SmoothScore):
    """Has features, and remembers how many pictures it was shown at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def features(self, image: Tensor) -> Tensor:
        self.seen.append(len(image))
        return image.mean(dim=(2, 3))


def test_a_judge_is_shown_no_more_pictures_at_once_than_a_micro_batch_holds(
    generator: StyleGAN2, statistics: CodeStatistics
) -> None:
    config, scorer = InvertConfig(method="optimise", steps=1, align=False, micro_batch=2), Counting()
    found = calibrate(generator, config, statistics, scorer=scorer, samples=5)
    assert (max(scorer.seen), found.strangers > 0) == (2, True)


def test_a_judge_that_is_handed_in_is_read_once(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []

    def load(file: object) -> EfficientNetLite0:
        read.append(file)
        return EfficientNetLite0()

    monkeypatch.setattr(efficientnet_lite0, "load_efficientnet_lite0", load)
    networks = {"efficientnet_lite0": "a file"}
    config = InvertConfig(method="optimise", steps=1, align=False, networks=networks)
    judge = judge_of(config, SmoothScore(), "cpu")
    for _ in range(2):
        invert_pictures(generator, pictures, config, statistics, scorer=SmoothScore(), judge=judge)
    assert len(read) == 1
