"""Faithfulness as curves: which share of the samples reaches at least a given retention or necessity, and by whom.

Beside the masks stands the same mask moved elsewhere at random, and a held-out scorer where one judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from higan_cam.publish.report.charts import Chart, Line, Tick
from higan_cam.publish.report.format import format_count, format_number, format_percent
from higan_cam.types import FloatArray

_POINTS = 51
_SIDES = (("", "mask", "strong"), ("_random", "moved mask", "plain"), ("_second", "held-out scorer", "weak"))
"""Suffix of the column, what the curve is of, and its colour."""


@dataclass(frozen=True, eq=False)
class ShareCurve:
    """One curve: the share of `count` samples with a value of at least x, (K,) each, x from 0 to 1.

    Attributes:
        label: whose values; kind: its colour (strong, plain or weak).
        median: of the values.
    """

    label: str
    kind: str
    x: FloatArray
    share: FloatArray
    median: float
    count: int

    @classmethod
    def of(cls, label: str, kind: str, values: FloatArray) -> Self | None:
        """From the finite `values`; None where there are none."""
        finite = np.asarray(values, np.float64)
        finite = np.sort(finite[np.isfinite(finite)])
        if not finite.size:
            return None
        x = np.linspace(0.0, 1.0, _POINTS)
        below = np.searchsorted(finite, x, side="left")
        return cls(label, kind, x, 1 - below / finite.size, float(np.median(finite)), finite.size)


def faithfulness_curves(columns: Mapping[str, FloatArray], figure: str) -> tuple[ShareCurve, ...]:
    """Curves of a figure (`retention` or `necessity`) from its columns in the dataset; absent columns are left out."""
    curves = [
        ShareCurve.of(label, kind, columns[figure + suffix])
        for suffix, label, kind in _SIDES
        if figure + suffix in columns
    ]
    return tuple(curve for curve in curves if curve is not None)


def share_chart(curves: Sequence[ShareCurve], figure: str) -> Chart:
    """All curves of one figure in one plot; both axes from 0 to 1."""
    medians = ", ".join(f"{curve.label} {format_number(curve.median)}" for curve in curves)
    quarters = (0.0, 0.25, 0.5, 0.75, 1.0)
    return Chart(
        label=f"Share of {format_count(curves[0].count)} samples by least {figure}; medians: {medians}",
        x_ticks=tuple(Tick(100 * value, format_number(value)) for value in quarters),
        y_ticks=tuple(Tick(100 * value, format_percent(value)) for value in quarters),
        x_title=f"{figure}, at least",
        y_title="samples",
        lines=tuple(Line(_path(curve), curve.kind) for curve in curves),
    )


def _path(curve: ShareCurve) -> str:
    points = zip(100 * curve.x, 100 * (1 - curve.share), strict=True)
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
