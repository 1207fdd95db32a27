"""Figures of a refined run, made by hand."""

from __future__ import annotations

from higan_cam.publish.refined import RefinedRow, RefinedView
from higan_cam.types import Interval


def around(value: float) -> Interval:
    """An interval of .01 to both sides."""
    return Interval(value, value - 0.01, value + 0.01)


REFINED = RefinedView(
    attribution="light_change",
    pilot=1024,
    sha256="ab" * 32,
    compared=128,
    with_mask={"pilot": 124, "refined": 121},
    overlap=around(0.812),
    rows=(RefinedRow("retention", around(0.7), around(0.75), around(0.05), 120),),
)
