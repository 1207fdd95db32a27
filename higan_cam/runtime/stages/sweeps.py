"""Edits at several distances, computed by the cluster rather than by the driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import ray

from higan_cam.config import RunConfig
from higan_cam.label import calibrated, make_scorers
from higan_cam.manipulate import Relevance, relevance
from higan_cam.manipulate.rescore import DISTANCE
from higan_cam.measure.choice import gains_of
from higan_cam.measure.response import cross_response, edit_sweep, layer_peaks, layer_relevance
from higan_cam.pipeline import Models, load_models, on_final_scale, why_unlabelled
from higan_cam.pipeline.devices import prepare_process
from higan_cam.types import Boundary, ByteArray, FloatArray

CHUNK = 12


def sweep_samples(config: RunConfig, boundary: Boundary, count: int) -> tuple[tuple[float, ...], ByteArray, FloatArray]:
    """The run's first `count` samples along the boundary: distances (K,), (n,K,R,R,3) uint8 images, (n,K) scores."""
    parts = _in_chunks(_sweep, min(count, config.label.count), config, boundary)
    return parts[0][0], np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])


def rescore_samples(config: RunConfig, boundary: Boundary, count: int) -> Relevance:
    """How much each row of w+ carries of the score's rise along the boundary, on the run's first `count` samples."""
    return relevance(np.concatenate(_in_chunks(_rescore, min(count, config.label.count), config, boundary)))


def peaks_of_samples(config: RunConfig, boundary: Boundary, count: int) -> FloatArray:
    """(n,T) `layer_peaks` of the run's first `count` samples."""
    return np.concatenate(_in_chunks(_peaks, min(count, config.label.count), config, boundary))


def gains_of_samples(config: RunConfig, boundary: Boundary, floor: float | None) -> dict[str, FloatArray]:
    """`gains_of` every candidate attribution on the run's first `attribution.pilot` samples."""
    parts = _in_chunks(_candidates, min(config.attribution.pilot, config.label.count), config, boundary, floor)
    return {figure: np.concatenate([part[figure] for part in parts], axis=1) for figure in parts[0]}


def reasons_of_samples(config: RunConfig, indices: Sequence[int]) -> dict[str, int]:
    """{why the scorer has no score: how many} of these samples, most frequent first; empty where it does not say."""
    task = ray.remote(num_cpus=1)(_reasons)
    found = [reason for reason in ray.get(task.remote(config, list(indices))) if reason]
    return dict(Counter(sorted(found)).most_common())


def cross_samples(runs: Sequence[tuple[RunConfig, Boundary]], count: int) -> tuple[ByteArray, FloatArray]:
    """`cross_response` of the first `count` samples of runs that share their latents."""
    parts = _in_chunks(_cross, min(count, runs[0][0].label.count), runs)
    images, scores = (np.concatenate(column, axis=1) for column in zip(*parts, strict=True))
    return images, scores


def _in_chunks(function: Callable[..., Any], count: int, *arguments: Any) -> list[Any]:
    """`function(*arguments, indices)` of the first `count` samples, `CHUNK` at a time, as tasks of the cluster."""
    task = ray.remote(num_cpus=1)(function)
    chunks = [list(range(start, min(start + CHUNK, count))) for start in range(0, count, CHUNK)]
    results: list[Any] = ray.get([task.remote(*arguments, chunk) for chunk in chunks])
    return results


def _cross(runs: Sequence[tuple[RunConfig, Boundary]], indices: list[int]) -> tuple[ByteArray, FloatArray]:
    models = _models(*runs[0])
    own = make_scorers(config.scorer for config, _ in runs)
    scorers = [calibrated(scorer, boundary.metrics) for scorer, (_, boundary) in zip(own, runs, strict=True)]
    return cross_response(models, scorers, runs, indices)


def _candidates(
    config: RunConfig, boundary: Boundary, floor: float | None, indices: list[int]
) -> dict[str, FloatArray]:
    return gains_of(_models(config, boundary), config, boundary, indices, floor)


def _reasons(config: RunConfig, indices: list[int]) -> list[str]:
    prepare_process("cpu", config.generator)
    return why_unlabelled(load_models(config), config, indices)


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
