"""Geometry of the report's charts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.publish.report.charts import count_chart, distribution_chart, nice_ticks, response_chart, score_chart
from higan_cam.publish.report.statistics import Distribution, Histogram, ScoreResponse, ScoreSummary


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 9))
def test_ticks_are_evenly_spaced_inside_the_range(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count)
    assert len(ticks) <= count + 1
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    if len(ticks) > 2:
        np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0], rtol=1e-6, atol=1e-9)


def test_ticks_of_one_value_are_that_value() -> None:
    assert nice_ticks(2.0, 2.0) == [2.0]


def test_bars_are_as_high_as_their_counts() -> None:
    chart = score_chart(ScoreSummary(Histogram(np.array([5, 0, 10]), np.array([0.0, 1.0, 2.0, 3.0])), 15))
    assert [bar.height for bar in chart.bars] == [50.0, 100.0]
    assert [bar.kind for bar in chart.bars] == ["plain", "plain"]
    assert chart.marks == ()


def test_tails_change_colour_exactly_at_their_thresholds() -> None:
    histogram = Histogram(np.array([4, 4, 4]), np.array([0.0, 1.0, 2.0, 3.0]))
    chart = score_chart(ScoreSummary(histogram, 12, tail=2, low_threshold=0.3, high_threshold=2.4))
    assert [bar.kind for bar in chart.bars] == ["weak", "plain", "plain", "plain", "strong"]
    assert [bar.x for bar in chart.bars] == pytest.approx([0, 10, 100 / 3, 200 / 3, 80])
    assert sum(bar.width for bar in chart.bars) == pytest.approx(100)


@given(st.lists(st.floats(-5, 5), max_size=40))
def test_every_distribution_can_be_drawn(values: list[float]) -> None:
    chart = distribution_chart(Distribution.of(np.array(values), bins=7), "retention")
    assert all(bar.x >= 0 and bar.x + bar.width <= 100 + 1e-6 and 0 < bar.height <= 100 for bar in chart.bars)
    assert bool(chart.bars) == bool(values)
    assert len(chart.marks) <= 1


def test_region_counts_get_a_bar_each_and_whole_ticks() -> None:
    chart = count_chart((1, 0, 2), "regions per sample", "samples")
    assert [tick.label for tick in chart.x_ticks] == ["0", "1", "2"]
    assert {tick.label for tick in chart.y_ticks} <= {"0", "1", "2"}


def test_no_samples_still_give_an_axis() -> None:
    assert count_chart((), "regions per sample", "samples").bars == ()


def test_rising_response_is_a_rising_line() -> None:
    distances = np.linspace(-3, 3, 7)
    chart = response_chart(ScoreResponse(distances, distances + 3.5, distances + 3, distances + 4, count=2))
    heights = [float(point.split(" ")[1]) for point in chart.line.removeprefix("M").split("L")]
    assert heights == sorted(heights, reverse=True)
    assert [tick.label for tick in chart.x_ticks] == ["−3", "−2", "−1", "0", "+1", "+2", "+3"]
    assert chart.points.count("M") == 7


def test_constant_response_is_drawn_inside_the_plot() -> None:
    flat = np.full(2, 1.5)
    chart = response_chart(ScoreResponse(np.array([-1.0, 1.0]), flat, flat, flat, count=3))
    assert all(0 <= float(point.split(" ")[1]) <= 100 for point in chart.line.removeprefix("M").split("L"))
