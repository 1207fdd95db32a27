"""The mask benchmark as a picture: the same rooms seen by every heat map, beside the light that is really there."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from higan_cam.config import RunConfig
from higan_cam.generate import to_uint8
from higan_cam.measure.masks import BENCHMARK_SEED, code_ends, heat_of, known_rooms
from higan_cam.pipeline import Models
from higan_cam.types import BoolArray, Boundary, ByteArray, FloatArray

SIDE = 1.15
"""Inches per panel."""


def draw_comparison(
    models: Models, config: RunConfig, boundary: Boundary, methods: Sequence[str], count: int = 4
) -> bytes:
    """PNG: one row per room (the benchmark's first `count` with a visible lamp, not chosen); truth, then each method.

    The outlines are the lamps' shades. Every map has its own scale, 0 (black) to its maximum (yellow).
    """
    known = known_rooms(2 * count, BENCHMARK_SEED, models.generator.resolution, pool=0)
    ends = code_ends(models, config, boundary, known.latents[:count])
    with torch.inference_mode():
        weak, strong = (
            np.concatenate([to_uint8(models.generator.synthesize(codes[side])[0]) for codes in ends]) for side in (1, 2)
        )
    heats = {name: heat_of(models, config, boundary, ends, name).heat for name in methods}
    columns: dict[str, ByteArray | FloatArray] = {"-": weak, "+": strong, "true light": known.light, **heats}
    rows = min(count, len(weak))
    figure = Figure(figsize=(SIDE * len(columns), SIDE * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, len(columns), squeeze=False)
    for column, (name, pictures) in enumerate(columns.items()):
        panels[0, column].set_title(name.replace("_", "\n"), fontsize=7)
        for row in range(rows):
            _panel(panels[row, column], pictures[row], known.shades[row].any(axis=0) if column > 1 else None)
    sink = io.BytesIO()
    FigureCanvasAgg(figure).print_png(sink, metadata={"Software": None})
    return sink.getvalue()


def _panel(axes: Axes, picture: ByteArray | FloatArray, shades: BoolArray | None) -> None:
    axes.imshow(picture, cmap="inferno", vmin=0 if picture.ndim == 2 else None)
    if shades is not None and shades.any():
        axes.contour(shades, levels=[0.5], colors="#7fd1ff", linewidths=0.6)
    axes.set_axis_off()
