"""Geometry of the report's charts, in percent of the plot area: the template draws it as inline SVG in theme colours.

Plots stretch with the page while their labels keep their size, because labels are text beside the SVG, not inside it.
x grows to the right, y downwards, both in [0,100].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from higan_cam.publish.report.format import format_count, format_number, format_percent, format_signed
from higan_cam.publish.report.statistics import FLAT, Distribution, Histogram, ScoreResponse, ScoreSummary
from higan_cam.types import FloatArray

Formatter = Callable[[float], str]
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Tick:
    """A label at `position` percent along its axis."""

    position: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A bar from the baseline up; `kind` picks its colour (plain, weak or strong); `title` is its tooltip."""

    x: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True)
class Line:
    """One of several lines, as SVG path data; `kind` picks its colour (plain, weak or strong)."""

    path: str
    kind: str


@dataclass(frozen=True)
class Chart:
    """A drawn chart: bars, a line with its points and band (SVG path data), or several lines.

    Attributes:
        label: what is seen, for readers who do not see it.
        marks: vertical lines with their labels.
    """

    label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_title: str
    y_title: str
    bars: tuple[Bar, ...] = ()
    line: str = ""
    points: str = ""
    band: str = ""
    marks: tuple[Tick, ...] = ()
    lines: tuple[Line, ...] = ()


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) inside [low, high]."""
    if _is_flat(low, high):
        return [low]
    raw = (high - low) / max(1, count - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def score_chart(scores: ScoreSummary) -> Chart:
    """The score histogram with both tails coloured and their thresholds marked."""
    thresholds = [t for t in (scores.low_threshold, scores.high_threshold) if t is not None]
    ends = " to ".join(format_number(float(edge)) for edge in scores.histogram.edges[[0, -1]])
    words = [format_number(t) for t in thresholds]
    tails = f"; the tails end at {words[0]} and begin at {words[-1]}" if words else ""
    return _bar_chart(
        scores.histogram,
        label=f"Histogram of {format_count(scores.count)} scores from {ends}{tails}",
        x_title="score",
        y_title="latents",
        tails=(scores.low_threshold, scores.high_threshold),
        marks=[(t, word) for t, word in zip(thresholds, words, strict=True)],
    )


def distribution_chart(
    distribution: Distribution, x_title: str, y_title: str = "samples", percent: bool = False
) -> Chart:
    """A histogram with its median marked; `percent` shows shares in [0,1] as percentages."""
    show: Formatter = format_percent if percent else format_number
    median = distribution.quantiles[1] if distribution.quantiles else None
    return _bar_chart(
        distribution.histogram,
        label=f"Histogram of {x_title}; median {show(median) if median is not None else 'unknown'}",
        x_title=x_title,
        y_title=y_title,
        marks=[(median, f"median {show(median)}")] if median is not None else [],
        tick_format=format_percent if percent else None,
    )


def count_chart(counts: Sequence[int], x_title: str, y_title: str) -> Chart:
    """One bar per whole number from 0: how many samples have so many regions."""
    top = _ceiling(max(counts, default=0))
    slot = 100 / max(1, len(counts))
    bars = tuple(
        Bar(slot * (k + 0.15), slot * 0.7, 100 * n / top, "plain", f"{k}: {format_count(n)}")
        for k, n in enumerate(counts)
    )
    x_ticks = tuple(Tick(slot * (k + 0.5), str(k)) for k in range(len(counts)))
    summary = ", ".join(f"{k}: {format_count(n)}" for k, n in enumerate(counts))
    return Chart(f"{y_title} by {x_title}: {summary}", x_ticks, _count_ticks(top), x_title, y_title, bars)


def response_chart(response: ScoreResponse) -> Chart:
    """Mean score with its 10th to 90th percentile against the distance along the boundary."""
    ends = f"{format_number(float(response.mean[0]))} to {format_number(float(response.mean[-1]))}"
    return band_chart(
        response.distances,
        (response.mean, response.low, response.high),
        label=f"Mean score along the boundary of {format_count(response.count)} latents: from {ends}",
        x_title="distance along the boundary, code units",
        y_title="score",
        show_x=format_signed,
    )


def band_chart(
    at: FloatArray,
    values: tuple[FloatArray, FloatArray, FloatArray],
    *,
    label: str,
    x_title: str,
    y_title: str,
    show_x: Formatter | None = None,
) -> Chart:
    """A line with its points and the band around it: (K,) places that grow, and there value, low and high."""
    ticks = _spanning_ticks(float(values[1].min()), float(values[2].max()))
    along = nice_ticks(float(at[0]), float(at[-1]), 7)
    show = show_x or (lambda value: format_number(value, _decimals(along)))
    x, y = _scale(float(at[0]), float(at[-1])), _scale(ticks[-1], ticks[0])
    middle, low, high = ([(x(float(d)), y(float(v))) for d, v in zip(at, each, strict=True)] for each in values)
    return Chart(
        label=label,
        x_ticks=tuple(Tick(x(d), show(d)) for d in along),
        y_ticks=tuple(Tick(100 - y(v), format_number(v, _decimals(ticks))) for v in ticks),
        x_title=x_title,
        y_title=y_title,
        line=_polyline(middle),
        points=" ".join(f"M{a:.2f} {b:.2f}h0" for a, b in middle),
        band=_polyline([*low, *reversed(high)]) + "Z",
    )


def _bar_chart(
    histogram: Histogram,
    label: str,
    x_title: str,
    y_title: str,
    tails: tuple[float | None, float | None] = (None, None),
    marks: Sequence[tuple[float, str]] = (),
    tick_format: Formatter | None = None,
) -> Chart:
    low, high = float(histogram.edges[0]), float(histogram.edges[-1])
    x = _scale(low, high)
    top = _ceiling(int(max(histogram.counts)))
    ticks = nice_ticks(low, high)
    show = tick_format or (lambda value: format_number(value, _decimals(ticks)))
    return Chart(
        label=label,
        x_ticks=tuple(Tick(x(t), show(t)) for t in ticks),
        y_ticks=_count_ticks(top),
        x_title=x_title,
        y_title=y_title,
        bars=tuple(bar for b in range(len(histogram.counts)) for bar in _bin_bars(histogram, b, x, top, tails)),
        marks=tuple(Tick(x(value), text) for value, text in marks if low <= value <= high),
    )


def _bin_bars(histogram: Histogram, b: int, x: Scale, top: float, tails: tuple[float | None, ...]) -> list[Bar]:
    """The bar of one bin, cut where a tail's threshold falls inside it so that the colours change exactly there."""
    left, right, count = float(histogram.edges[b]), float(histogram.edges[b + 1]), int(histogram.counts[b])
    if not count:
        return []
    low, high = tails
    cuts = [left, *sorted(t for t in tails if t is not None and left < t < right), right]
    title = f"{format_number(left)} to {format_number(right)}: {format_count(count)}"
    bars = []
    for start, stop in pairwise(cuts):
        kind = "weak" if low is not None and stop <= low else "plain"
        kind = "strong" if high is not None and start >= high else kind
        bars.append(Bar(x(start), x(stop) - x(start), 100 * count / top, kind, title))
    return bars


def _scale(low: float, high: float) -> Scale:
    """Affine map of [low, high] onto [0, 100]; either end may be the larger one. One point maps to the middle."""
    span = high - low
    return lambda value: 100 * (value - low) / span if span else 50.0


def _is_flat(low: float, high: float) -> bool:
    return high - low <= FLAT * max(1.0, abs(low), abs(high))


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{a:.2f} {b:.2f}" for a, b in points)


def _spanning_ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose [low, high]."""
    if _is_flat(low, high):
        low, high = low - 0.5, high + 0.5
    inner = nice_ticks(low, high, 4)
    step = inner[1] - inner[0] if len(inner) > 1 else high - low
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _ceiling(largest: int) -> float:
    """A round axis end at or above `largest`, at least 1."""
    return _spanning_ticks(0.0, float(max(1, largest)))[-1]


def _count_ticks(top: float) -> tuple[Tick, ...]:
    whole = [t for t in nice_ticks(0.0, top, 4) if t == round(t)]
    return tuple(Tick(100 * t / top, format_count(t)) for t in whole)


def _decimals(ticks: Sequence[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9))
