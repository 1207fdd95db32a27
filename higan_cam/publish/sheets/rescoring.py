"""Rescoring as a picture: how much of the score each row of w+ carries, and how the boundaries touch other scores."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from higan_cam.types import FloatArray

_BAR, _CARRIER = "#9db4c8", "#d1495b"


@dataclass(frozen=True, eq=False)
class Rescored:
    """One boundary's figures.

    Attributes:
        overall: mean rise of the score with every row moved; layers: (L,) with one row moved alone.
        carriers: rows that together make four fifths of the sum.
        entangled: {score: mean change in standard deviations}, the run's own score first.
        cosines: {boundary: cosine between both normals}, itself included.
    """

    overall: float
    layers: FloatArray
    carriers: tuple[int, ...]
    entangled: Mapping[str, float]
    cosines: Mapping[str, float]


def draw_rescoring(found: Mapping[str, Rescored], attribute: str, distance: float) -> bytes:
    """{boundary: figures} -> PNG: bars for each boundary, then both matrices. Rows of w+ count from 0."""
    figure = Figure(figsize=(9, 2.6 * len(found) + 2.6), layout="constrained")
    grid = figure.add_gridspec(len(found) + 1, 2)
    for row, (name, each) in enumerate(found.items()):
        _bars(figure.add_subplot(grid[row, :]), name, each, attribute, distance)
    names = list(found)
    scores = list(next(iter(found.values())).entangled)
    entangled = np.array([[found[name].entangled[score] for score in scores] for name in names])
    cosines = np.array([[found[name].cosines[other] for other in names] for name in names])
    limit = max(1.0, float(np.abs(entangled).max()))
    _matrix(figure.add_subplot(grid[-1, 0]), entangled, names, scores, "change of scores, standard deviations", limit)
    _matrix(figure.add_subplot(grid[-1, 1]), cosines, names, names, "cosine between boundaries", 1.0)
    sink = io.BytesIO()
    FigureCanvasAgg(figure).print_png(sink, metadata={"Software": None})
    return sink.getvalue()


def _bars(axes: Axes, name: str, found: Rescored, attribute: str, distance: float) -> None:
    rows = range(len(found.layers))
    axes.bar(rows, found.layers, color=[_CARRIER if row in found.carriers else _BAR for row in rows])
    axes.set_xticks(list(rows))
    axes.set_xlabel("row of w+ moved alone (red: together four fifths of the sum)")
    axes.set_ylabel("mean rise of score")
    axes.set_title(f"{name}, +{distance:g}: {attribute} rises by {found.overall:.2f} with all rows moved", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def _matrix(
    axes: Axes, values: FloatArray, rows: Sequence[str], columns: Sequence[str], title: str, limit: float
) -> None:
    axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=20, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_title(title, fontsize=10)
    for (row, column), value in np.ndenumerate(values):
        shade = "white" if abs(value) > 0.6 * limit else "black"
        axes.text(column, row, f"{value:+.2f}", ha="center", va="center", color=shade, fontsize=9)
