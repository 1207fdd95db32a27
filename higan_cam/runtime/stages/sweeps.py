"""Edits at several distances, computed by the cluster rather than by the driver."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import ray

from higan_cam.config import RunConfig
from higan_cam.label import calibrated, make_scorer
from higan_cam.manipulate import Relevance, relevance
from higan_cam.manipulate.rescore import DISTANCE
from higan_cam.measure.response import cross_response, edit_sweep, layer_peaks, layer_relevance
from higan_cam.pipeline import Models, load_models, on_final_scale
from higan_cam.pipeline.devices import prepare_process
from higan_cam.types import Boundary, ByteArray, FloatArray

CHUNK = 12


def sweep_samples(config: RunConfig, boundary: Boundary, count: int) -> tuple[tuple[float, ...], ByteArray, FloatArray]:
    """The run's first `count` samples along the boundary: distances (K,), (n,K,R,R,3) uint8 images, (n,K) scores."""
    indices = list(range(min(count, config.label.count)))
    task = ray.remote(num_cpus=1)(_sweep)
    chunks = [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]
    parts = ray.get([task.remote(config, boundary, chunk) for chunk in chunks])
    return parts[0][0], np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])


def rescore_samples(config: RunConfig, boundary: Boundary, count: int) -> Relevance:
    """How much each row of w+ carries of the score's rise along the boundary, on the run's first `count` samples."""
    indices = list(range(min(count, config.label.count)))
    task = ray.remote(num_cpus=1)(_rescore)
    chunks = [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]
    return relevance(np.concatenate(ray.get([task.remote(config, boundary, chunk) for chunk in chunks])))


def peaks_of_samples(config: RunConfig, boundary: Boundary, count: int) -> FloatArray:
    """(n,T) `layer_peaks` of the run's first `count` samples."""
    indices = list(range(min(count, config.label.count)))
    task = ray.remote(num_cpus=1)(_peaks)
    chunks = [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]
    return np.concatenate(ray.get([task.remote(config, boundary, chunk) for chunk in chunks]))


def cross_samples(runs: Sequence[tuple[RunConfig, Boundary]], count: int) -> tuple[ByteArray, FloatArray]:
    """`cross_response` of the first `count` samples of runs that share their latents."""
    indices = list(range(min(count, runs[0][0].label.count)))
    task = ray.remote(num_cpus=1)(_cross)
    chunks = [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]
    parts = ray.get([task.remote(runs, chunk) for chunk in chunks])
    images, scores = (np.concatenate(column, axis=1) for column in zip(*parts, strict=True))
    return images, scores


def _cross(runs: Sequence[tuple[RunConfig, Boundary]], indices: list[int]) -> tuple[ByteArray, FloatArray]:
    models = _models(*runs[0])
    scorers = [calibrated(make_scorer(config.scorer), boundary.metrics) for config, boundary in runs]
    return cross_response(models, scorers, runs, indices)


def _peaks(config: RunConfig, boundary: Boundary, indices: list[int]) -> FloatArray:
    return layer_peaks(_models(config, boundary), config, boundary, indices)


def _rescore(config: RunConfig, boundary: Boundary, indices: list[int]) -> FloatArray:
    return layer_relevance(_models(config, boundary), config, boundary, indices, DISTANCE)[..., 0]


def _sweep(
    config: RunConfig, boundary: Boundary, indices: list[int]
) -> tuple[tuple[float, ...], ByteArray, FloatArray]:
    return edit_sweep(_models(config, boundary), config, boundary, indices)


def _models(config: RunConfig, boundary: Boundary) -> Models:
    prepare_process("cpu", config.generator)
    return on_final_scale(load_models(config), boundary)
