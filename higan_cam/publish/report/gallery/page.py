"""`render_gallery`: the gallery's page, without any sample in it: markup, style and the code that loads the samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

import cv2
import numpy as np
from jinja2 import Environment

from higan_cam.publish.report.format import humanize
from higan_cam.publish.report.templating import page_environment

_COLORS = 16


@dataclass(frozen=True)
class Figure:
    """A number that samples have, under the name that curation and `inspect` know it by. `kind` says how it reads."""

    name: str
    label: str
    kind: str = "number"
    """number, percent or count."""


FIGURES = (
    Figure("score_change", "score change"),
    Figure("retention", "retention"),
    Figure("necessity", "necessity"),
    Figure("coverage", "coverage", "percent"),
    Figure("regions", "regions", "count"),
    Figure("score", "score"),
    Figure("score_negative", "score, negative"),
    Figure("score_positive", "score, positive"),
    Figure("retention_second", "retention, second scorer"),
    Figure("necessity_second", "necessity, second scorer"),
)


def render_gallery(attribute: str, uri: str, note: str) -> str:
    """The page as a string of HTML5. Equal arguments give equal text.

    Args:
        attribute: what the score measures.
        uri: output of the run, for the command lines that open a sample.
        note: which samples of the run are there.
    """
    facts = {"uri": uri, "figures": [asdict(figure) for figure in FIGURES], "colors": _colormap()}
    page = _environment().get_template("gallery.html.j2")
    return page.render(title=f"{humanize(attribute)} masks", attribute=humanize(attribute), note=note, facts=facts)


def _colormap() -> list[list[int]]:
    """Evenly spaced RGB colours of inferno, heat 0 first, as the report's own heat maps."""
    levels = np.linspace(0, 255, _COLORS).round().astype(np.uint8)[None]
    return [[r, g, b] for b, g, r in cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[0].tolist()]


@cache
def _environment() -> Environment:
    return page_environment()
