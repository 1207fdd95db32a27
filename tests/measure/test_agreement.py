"""Agreement against truth, as a curve: bins hold what lies in them, and the correlation is that of ranks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import spearmanr

from higan_cam.config import RunConfig
from higan_cam.mask.student import load_student
from higan_cam.measure.agreement import curve_of, measure_agreement
from higan_cam.pipeline import Models
from higan_cam.pipeline.inverting import load_inverter
from higan_cam.publish.report.overlap import EDGES
from higan_cam.rooms.photos import TUNING_SEED
from higan_cam.types import Boundary

GRADES = ("G1",)


def drawn(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Agreement all over, and overlap that follows it with noise."""
    draw = np.random.Generator(np.random.Philox(3))
    agreement = draw.uniform(0, 1, count)
    return agreement, np.clip(0.8 * agreement + draw.normal(0, 0.1, count), 0, 1)


def test_bins_hold_every_photo_once_with_the_mean_of_their_overlap() -> None:
    agreement, overlap = drawn()
    curve = curve_of(agreement, overlap, GRADES, 0)
    assert [(each.low, each.high) for each in curve.bins] == list(pairwise(EDGES))
    assert sum(each.count for each in curve.bins) == curve.count == len(agreement)
    for each in curve.bins:
        chosen = overlap[(agreement >= each.low) & (agreement < each.high)]
        assert each.iou.value == pytest.approx(chosen.mean())
        assert each.iou.low <= each.iou.value <= each.iou.high


def test_the_correlation_is_that_of_ranks() -> None:
    agreement, overlap = drawn()
    curve = curve_of(agreement, overlap, GRADES, 0)
    assert curve.spearman.value == pytest.approx(spearmanr(agreement, overlap).statistic)
    assert curve.spearman.low < curve.spearman.value < curve.spearman.high
    assert curve_of(agreement, agreement**3, GRADES, 0).spearman.value == pytest.approx(1)


def test_full_agreement_is_in_the_last_bin_and_empty_bins_are_left_out() -> None:
    (only,) = curve_of(np.ones(3), np.array([0.2, 0.4, 0.6]), GRADES, 0).bins
    assert (only.low, only.high, only.count) == (EDGES[-2], 1.0, 3)


@pytest.mark.slow
def test_photos_go_through_the_flow_of_a_run_on_pictures(models: Models, config: RunConfig, boundary: Boundary) -> None:
    photos = RunConfig.model_validate(config.model_dump() | {"source": {"kind": "pictures", "pictures": "photos"}})
    quick = photos.model_copy(update={"invert": photos.invert.model_copy(update={"method": "encoder"})})
    curve = measure_agreement(
        models,
        quick,
        boundary,
        load_inverter(models, quick),
        load_student(),
        grades=("G1",),
        count=3,
        seed=TUNING_SEED,
    )
    assert curve.count + curve.without == 3
    assert curve.agreement.value > 0.3
    assert curve.iou.value > 0.3
