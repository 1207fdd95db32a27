"""Mask truth: the embedded generator's heat maps and masks against the rooms' known light."""

from __future__ import annotations

from pathlib import Path

from higan_cam.config import parse_config
from higan_cam.manipulate import load_boundary
from higan_cam.measure.masks import benchmark_masks
from higan_cam.measure.values import MaskBenchmarkResult
from higan_cam.pipeline import label_and_fit, load_models
from higan_cam.types import Boundary

LABELLED, TAILS = 6_000, 500


def measure_masks(count: int, boundary_file: Path | None) -> tuple[MaskBenchmarkResult, Boundary]:
    """The benchmark on `count` latents, with the boundary of a finished run or one fitted here."""
    config = parse_config({"label": {"count": LABELLED}, "boundary": {"tails": TAILS}})
    models = load_models(config)
    boundary = load_boundary(boundary_file) if boundary_file is not None else label_and_fit(models, config)
    return benchmark_masks(models, config, boundary, count=count), boundary
