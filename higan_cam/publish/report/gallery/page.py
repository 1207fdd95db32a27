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


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a gallery is of.

    Attributes:
        noun: a row by its number. lacking: what one without a mask has not.
        figures: see `Figure`; shown: (name, label) of those on a card; spoken: those in its label.
        tiles: of a strip, in order: `original` and `heat`, and `negative` and `positive` where there are ends.
        stops: (place of the slider, label, figure or None), the last one is shown first.
        choices: columns of words to filter by.
        column: of the shards, which the printed Python opens.
        inspect: `higan-cam inspect` knows the rows.
        report: how the page beside it is called.
    """

    noun: str
    lacking: str
    figures: tuple[Figure, ...]
    shown: tuple[tuple[str, str], ...]
    spoken: tuple[str, ...]
    tiles: tuple[str, ...]
    stops: tuple[tuple[int, str, str | None], ...]
    choices: tuple[str, ...]
    column: str
    inspect: bool
    report: str


SAMPLES = Kind(
    noun="latent",
    lacking="no region",
    figures=FIGURES,
    shown=(("score_change", "change"), *((name, name) for name in ("retention", "necessity", "coverage"))),
    spoken=("retention", "necessity"),
    tiles=("negative", "original", "positive", "heat"),
    stops=((-1, "negative", "score_negative"), (0, "original", "score"), (1, "positive", "score_positive")),
    choices=("split", "status"),
    column="image",
    inspect=True,
    report="higan_cam run report",
)
PLACES = Kind(
    noun="picture",
    lacking="no place",
    figures=(
        Figure("places", "places", "count"),
        Figure("heat", "heat at its highest"),
        Figure("x", "first place, from the left", "percent"),
        Figure("y", "first place, from the top", "percent"),
    ),
    shown=(("places", "places"), ("heat", "heat"), ("x", "x"), ("y", "y")),
    spoken=("places", "heat"),
    tiles=("original", "heat"),
    stops=((0, "picture", None),),
    choices=("status",),
    column="picture",
    inspect=False,
    report="higan_cam recommendations",
)


def render_gallery(attribute: str, uri: str, note: str, kind: Kind = SAMPLES, meaning: str = "") -> str:
    """The page as a string of HTML5. Equal arguments give equal text.

    Args:
        attribute: what the score measures.
        uri: output of the run, for the command lines that open a sample.
        note: which samples of the run are there.
        meaning: of what is outlined, where a picture has no ends.
    """
    values = asdict(kind)
    facts = {"uri": uri, "colors": _colormap(), **{name: values[name] for name in values if name != "report"}}
    page = _environment().get_template("gallery.html.j2")
    named = humanize(attribute)
    title = f"{named} masks" if kind.inspect else f"{named} places"
    return page.render(title=title, attribute=named, note=note, facts=facts, report=kind.report, meaning=meaning)


def _colormap() -> list[list[int]]:
    """Evenly spaced RGB colours of inferno, heat 0 first, as the report's own heat maps."""
    levels = np.linspace(0, 255, _COLORS).round().astype(np.uint8)[None]
    return [[r, g, b] for b, g, r in cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[0].tolist()]


@cache
def _environment() -> Environment:
    return page_environment()
