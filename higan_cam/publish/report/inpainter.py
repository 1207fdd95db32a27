"""What an inpainter trained on a run's dataset has learned, for the run's report and as a page of its own.

`jobs.train_inpainter --publish` leaves figures and a grid of pictures under the keys below; the report has the section
when both are there. Both come from a file, so that the report stage needs neither the network nor its library.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from higan_cam.errors import StoreError
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report.templating import page_environment
from higan_cam.store.keys import INPAINTER_KEY, INPAINTER_PICTURE_KEY
from higan_cam.store.store import Store
from higan_cam.types import Interval

PICTURES = {
    "truth": "true lit picture",
    "inpainter": "inpainter",
    "constant": "added constant",
    "unlit": "unlit picture",
}
MASKS = {"own": "its own", "moved": "another's, elsewhere", "disc": "a disc, elsewhere", "empty": "empty"}
FIGURES = ("inside", "outside", "ratio", "own_place", "largest", "largest_inside", "score_change", "l1", "psnr")


@dataclass(frozen=True)
class InpainterRow:
    """One way to make the picture, with one kind of mask, and its figures.

    Attributes:
        figures: by name of `FIGURES`: means over the test samples with 95% intervals; None where one has no meaning.
    """

    picture: str
    mask: str
    figures: Mapping[str, Interval | None]


@dataclass(frozen=True)
class InpainterView:
    """What is shown: facts of the training, the grid as a PNG data URI, its columns' names, and the rows of figures."""

    facts: Mapping[str, int]
    grid: str
    columns: tuple[str, ...]
    rows: tuple[InpainterRow, ...]


def find_inpainter(store: Store) -> InpainterView | None:
    """The inpainter published into a run, or None where there is none.

    Raises:
        StoreError: the store cannot be read, or its figures are not of this program.
    """
    bodies = store.find_many((INPAINTER_KEY, INPAINTER_PICTURE_KEY))
    if len(bodies) < 2:
        return None
    try:
        return parse_inpainter(bodies[INPAINTER_KEY], bodies[INPAINTER_PICTURE_KEY])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{store.uri}/{INPAINTER_KEY}: not the figures of an inpainter ({error!r}); publish them again with "
            "`python -m jobs.train_inpainter --publish`, or remove the file"
        ) from error


def parse_inpainter(figures: bytes, picture: bytes) -> InpainterView:
    """The contents of `metrics.json` and of the grid's PNG.

    Raises:
        KeyError, TypeError, ValueError: where they are not what `jobs.train_inpainter` writes.
    """
    read = json.loads(figures)
    uri = f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
    return InpainterView(dict(read["facts"]), uri, tuple(read["columns"]), tuple(_row(row) for row in read["rows"]))


def render_inpainter_page(view: InpainterView) -> str:
    """A self-contained HTML page of the section alone; deterministic."""
    environment = page_environment(number=fmt.format_number, count=fmt.format_count)
    return environment.get_template("inpainter.html.j2").render(inpainter=view)


def _row(row: Mapping[str, Any]) -> InpainterRow:
    figures = {name: _interval(row.get(name)) for name in FIGURES}
    return InpainterRow(PICTURES[row["picture"]], MASKS[row["mask"]], figures)


def _interval(figure: Mapping[str, float | None] | None) -> Interval | None:
    if figure is None or figure["value"] is None:
        return None
    value, low, high = (float(figure[name] or 0.0) for name in ("value", "low", "high"))
    return Interval(value, low, high)
