"""Curves of faithfulness: shares of samples, beside the moved mask."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.publish.report.curves import ShareCurve, faithfulness_curves, share_chart

COLUMNS = {
    "retention": np.array([0.2, 0.6, 0.8, 1.1]),
    "retention_random": np.array([0.0, 0.0, 0.1, np.nan]),
    "retention_second": np.full(4, np.nan),
    "necessity": np.array([0.5, 0.5, 0.5, 0.5]),
}


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=30))
def test_a_curve_says_which_share_reaches_at_least_x(values: list[float]) -> None:
    curve = ShareCurve.of("mask", "strong", np.array([*values, np.nan]))
    assert curve is not None
    expected = [np.mean(np.array(values) >= x) for x in curve.x]
    np.testing.assert_allclose(curve.share, expected, atol=1e-12)
    assert curve.count == len(values)


def test_without_a_held_out_scorer_there_are_two_curves() -> None:
    curves = faithfulness_curves(COLUMNS, "retention")
    assert [(curve.label, curve.median, curve.count) for curve in curves] == [("mask", 0.7, 4), ("moved mask", 0.0, 3)]


def test_a_held_out_scorer_adds_its_own() -> None:
    curves = faithfulness_curves({**COLUMNS, "retention_second": np.array([0.1, 0.2, 0.3, 0.4])}, "retention")
    assert [curve.kind for curve in curves] == ["strong", "plain", "weak"]


def test_samples_without_figures_draw_nothing() -> None:
    assert faithfulness_curves({"necessity": np.array([np.nan])}, "necessity") == ()


def test_every_line_starts_at_the_left_falls_and_stays_inside() -> None:
    chart = share_chart(faithfulness_curves(COLUMNS, "retention"), "retention")
    assert len(chart.lines) == 2
    assert chart.label == "Share of 4 samples by least retention; medians: mask 0.70, moved mask 0.00"
    for line in chart.lines:
        points = [tuple(map(float, point.split(" "))) for point in line.path.removeprefix("M").split("L")]
        assert (points[0][0], points[-1][0]) == (0, 100)
        assert [y for _, y in points] == sorted(y for _, y in points)
        assert all(0 <= y <= 100 for _, y in points)
