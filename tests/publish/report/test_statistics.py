"""Summaries that the report draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.publish.report.content import EditStrip, ReportContent, StageTiming
from higan_cam.publish.report.statistics import (
    UNLABELLED_KEY,
    Distribution,
    Histogram,
    RegionStatistics,
    Unlabelled,
    unlabelled_of,
)


@given(st.lists(st.floats(-10, 10)), st.integers(1, 20))
def test_histogram_counts_every_finite_value_once(values: list[float], bins: int) -> None:
    histogram = Histogram.of(np.array([*values, np.nan]), bins, limits=(-1.0, 1.0))
    assert int(histogram.counts.sum()) + histogram.below + histogram.above == len(values)


def test_histogram_of_one_value_has_a_width() -> None:
    histogram = Histogram.of(np.array([2.0, 2.0]), bins=4)
    assert histogram.counts.sum() == 2
    assert np.all(np.diff(histogram.edges) > 0)


def test_histogram_refuses_edges_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="2 bins needs one edge more, got 2"):
        Histogram(np.array([1, 2]), np.array([0.0, 1.0]))


def test_quantiles_are_of_all_values_also_those_off_the_axis() -> None:
    distribution = Distribution.of(np.arange(101.0), limits=(0.0, 10.0))
    assert distribution.quantiles == pytest.approx((10, 50, 90))
    assert distribution.histogram.above == 90


def test_no_values_have_no_quantiles() -> None:
    assert Distribution.of(np.array([])).quantiles is None


def test_samples_without_a_region_are_counted_apart() -> None:
    regions = RegionStatistics((3, 5, 2), Distribution.of(np.array([0.1])))
    assert (regions.samples, regions.with_region) == (10, 7)


def test_instant_stage_has_no_rate() -> None:
    assert StageTiming("fit", 0.0, 10, 1, 1).rows_per_second is None


def test_strip_needs_one_image_and_score_per_distance() -> None:
    strip = EditStrip(7, (np.zeros((4, 4, 3), np.uint8),), (0.5,))
    with pytest.raises(ValueError, match="strip of latent 7: 1 images and 1 scores for 2 distances"):
        ReportContent(title="t", attribute="a", run={}, strip_distances=(-1.0, 1.0), strips=(strip,))


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ({"no nose": 9, "no eyes": 5}, "unlabelled: 14 of 2,000 (no nose 9, no eyes 5)"),
        ({"no nose": 4}, "unlabelled: 14 of 2,000 (no nose 4 of the first 4)"),
        ({}, "unlabelled: 14 of 2,000"),
    ],
)
def test_counts_come_with_the_reasons_that_are_known(reasons: dict[str, int], said: str) -> None:
    found = Unlabelled(14, 2000, reasons)
    assert found.sentence() == said
    assert unlabelled_of({UNLABELLED_KEY: found.to_json()}) == found
    assert unlabelled_of({}) is None
