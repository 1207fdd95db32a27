"""The page of a run of several attributes: what each edit does to all of them, and where each one's report is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from higan_cam.publish.report import format as fmt
from higan_cam.publish.report.pictures import display_width, photo_uri
from higan_cam.publish.report.templating import page_environment
from higan_cam.types import ByteArray, FloatArray


@dataclass(frozen=True, eq=False)
class AttributeView:
    """One attribute: its name, its scorer in words, its report relative to this page, and facts.

    Attributes:
        facts: {what: value in words}.
        pictures: samples by rows; negative end, as sampled, positive end, each (H,W,3) uint8.
    """

    name: str
    scorer: str
    report: str
    facts: dict[str, str]
    pictures: tuple[tuple[ByteArray, ...], ...]


@dataclass(frozen=True, eq=False)
class AttributesContent:
    """All of the page; the tables have A attributes in one order.

    Attributes:
        changes: (A,A) row: the edit; column: mean change of that score, in its standard deviations over samples as they
            are.
        cosines: (A,A) of the boundaries' normals.
        correlations: (A,A) Spearman's, of the labels.
        samples: how many the changes are a mean over.
    """

    title: str
    attributes: tuple[AttributeView, ...]
    changes: FloatArray
    cosines: FloatArray
    correlations: FloatArray
    samples: int
    warnings: Sequence[str] = ()


def render_attributes(content: AttributesContent) -> str:
    """The page as HTML5 that needs no network. Deterministic: equal content gives equal text."""
    environment = page_environment(humanize=fmt.humanize, photo_uri=photo_uri, display_width=display_width, shade=shade)
    return environment.get_template("attributes.html.j2").render(content=content)


def shade(value: float, full: float) -> str:
    """Background of a cell: orange above zero, blue below, as strong as the value is near `full`; none for NaN."""
    if math.isnan(value):
        return ""
    strength = min(abs(value) / full, 1.0)
    colour = "224, 122, 31" if value > 0 else "49, 116, 201"
    return f"background: rgba({colour}, {0.75 * strength:.2f})"
