"""Mask truth: the embedded generator's heat maps and masks against the rooms' known light."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.table import Table

from higan_cam.benchmark import benchmark_masks
from higan_cam.benchmark_values import Estimate, MaskBenchmarkResult, TruthResult
from higan_cam.config import RunConfig, parse_config
from higan_cam.manipulate import load_boundary, select_extremes
from higan_cam.pipeline import Models, fit_from_extremes, label_unit, labelled_codes, load_models
from higan_cam.types import Boundary, WorkUnit

LABELLED, TAILS = 6_000, 500
HEADINGS = {
    "average_precision": "AP",
    "over_prior": "AP - best prior",
    "over_image_difference": "AP - image difference",
    "iou": "IoU, regions",
    "best_iou": "IoU, best cut",
    "pointing": "pointing",
    "lamp_recall": "lamp recall",
}


def measure_masks(count: int, boundary_file: Path | None) -> tuple[MaskBenchmarkResult, Boundary]:
    """The benchmark on `count` latents, with the boundary of a finished run or one fitted here."""
    config = parse_config({"label": {"count": LABELLED}, "boundary": {"tails": TAILS}})
    models = load_models(config)
    boundary = load_boundary(boundary_file) if boundary_file is not None else fit_here(models, config)
    return benchmark_masks(models, config, boundary, count=count), boundary


def fit_here(models: Models, config: RunConfig) -> Boundary:
    """Label `config.label.count` latents in this process and fit the boundary that the configuration asks for."""
    indices, scores = label_unit(models, config, WorkUnit(0, 0, config.label.count))
    extremes = select_extremes(scores, indices, config.boundary.tails)
    outside = ~np.isin(indices, np.concatenate([extremes.highest.indices, extremes.lowest.indices]))
    rest = labelled_codes(models, config, indices[outside], scores[outside])
    return fit_from_extremes(models, config, extremes, rest)


def mask_tables(result: MaskBenchmarkResult) -> Iterator[Table]:
    """One table per truth; priors below the attributions."""
    for known in result.truths:
        yield _table(known, result)


def describe(result: MaskBenchmarkResult) -> str:
    """One paragraph: the pictures, the edit, and whether the truth holds for them."""
    agreement = result.agreement
    return (
        f"{result.samples} pictures of {result.image_size} px ({result.left_out} without a visible lamp left out), "
        f"edit of {result.distance:g} to each side on rows {result.rows[0]}-{result.rows[-1]}. Originals against "
        f"re-renders {agreement.psnr_db:.1f} dB; the edit's change of luminance against the lamps' light: correlation "
        f"{_shown(agreement.correlation)}, share on lit pixels {_shown(agreement.change_on_light)}. "
        "Means with 95% bootstrap intervals over pictures; differences are paired."
    )


def _table(known: TruthResult, result: MaskBenchmarkResult) -> Table:
    table = Table(title=f"Truth: {known.meaning} ({known.share:.1%} of the picture, n = {result.samples})")
    table.add_column("heat map", no_wrap=True)
    for heading in HEADINGS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("best cut", justify="right")
    table.add_column("ms", justify="right")
    for row in sorted(known.methods, key=lambda row: (row.prior, -row.estimates["average_precision"].value)):
        name = f"prior: {row.method}{' (best)' if row.method == known.best_prior else ''}" if row.prior else row.method
        figures = [_shown(row.estimates[key], signed=key.startswith("over_")) for key in HEADINGS]
        cost = "" if row.milliseconds is None else f"{row.milliseconds:.0f}"
        table.add_row(name, *figures, f"{row.best_threshold:.2f}", cost)
    return table


def _shown(estimate: Estimate, signed: bool = False) -> str:
    """`.903 [.871 .932]`, or with signs."""
    value, low, high = (
        f"{number:{'+' if signed else ''}.3f}".replace("0.", ".", 1)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} \\[{low} {high}]"
