"""`render_report`: one self-contained HTML page from `ReportContent`.

The page needs no network and no JavaScript: pictures are data URIs, charts inline SVG, the style sheet a few kilobytes.
It carries no clock, so that the same content gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment

from higan_cam.publish.report import charts, curves
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.content import ReportContent
from higan_cam.publish.report.templating import page_environment

_FILTERS: dict[str, Callable[..., Any]] = {
    "number": fmt.format_number,
    "count": fmt.format_count,
    "percent": fmt.format_percent,
    "signed": fmt.format_signed,
    "duration": fmt.format_duration,
    "value": fmt.format_value,
    "humanize": fmt.humanize,
    "photo_uri": images.photo_uri,
    "heat_uri": images.heat_uri,
    "mask_outline": images.mask_outline,
    "display_width": images.display_width,
    "score_chart": charts.score_chart,
    "distribution_chart": charts.distribution_chart,
    "count_chart": charts.count_chart,
    "response_chart": charts.response_chart,
    "share_chart": curves.share_chart,
}


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the summary row: what it is, its value, and what to read it against."""

    name: str
    value: str
    note: str = ""


def render_report(content: ReportContent) -> str:
    """The whole page as a string of HTML5. Deterministic: equal content gives equal text.

    Size: about 25 KB per 128 px picture, five per sample and one per step of a strip.
    """
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            key_figures=key_figures(content),
            facts=flatten(content.boundary.metrics if content.boundary else {}),
            score_range=_score_range(content),
            total_seconds=sum(timing.seconds for timing in content.timings),
            colorbar=images.colorbar(),
        )
    )


def key_figures(content: ReportContent) -> list[KeyFigure]:
    """The summary row: only figures of stages that have run."""
    figures = []
    if scores := content.scores:
        nan = f"{fmt.format_count(scores.nan_count)} NaN scores" if scores.nan_count else "no NaN scores"
        figures.append(KeyFigure("latents labelled", fmt.format_count(scores.count), nan))
    if (boundary := content.boundary) and boundary.spearman is not None:
        figures.append(KeyFigure("rank correlation", fmt.format_number(boundary.spearman, 3), "outside the tails"))
    if regions := content.regions:
        found = fmt.format_percent(regions.with_region / regions.samples if regions.samples else None)
        figures.append(KeyFigure("samples", fmt.format_count(regions.samples), f"{found} with a region"))
    if quality := content.quality:
        for name, part in (("score change", quality.score_change), ("retention", quality.retention)):
            figures.append(_median_figure(name, part.quantiles))
    if content.timings:
        seconds = sum(timing.seconds for timing in content.timings)
        figures.append(KeyFigure("wall time", fmt.format_duration(seconds), f"{len(content.timings)} stages"))
    return figures


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested metrics -> (readable name, formatted value) pairs, in the order given."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{fmt.humanize(key)}"
        if isinstance(value, Mapping):
            pairs += flatten(value, f"{name} · ")
        else:
            pairs.append((name, fmt.format_value(value)))
    return pairs


def _median_figure(name: str, quantiles: tuple[float, float, float] | None) -> KeyFigure:
    if quantiles is None:
        return KeyFigure(name, fmt.MISSING, "no sample has one")
    low, middle, high = (fmt.format_number(q) for q in quantiles)
    return KeyFigure(name, middle, f"median; 80\N{NO-BREAK SPACE}% in {low}\N{EN DASH}{high}")


def _score_range(content: ReportContent) -> tuple[float, float]:
    if content.score_range is not None:
        return content.score_range
    scores = [score for strip in content.strips for score in strip.scores] or [0.0]
    return min(scores), max(scores)


@cache
def _environment() -> Environment:
    return page_environment(**_FILTERS)
