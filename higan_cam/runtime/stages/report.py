"""The last stage: report/index.html, the gallery and the dataset card, from what the run left and the cluster draws."""

from __future__ import annotations

import math
from collections.abc import Mapping

from higan_cam.config import RunConfig
from higan_cam.invert.verdict import thresholds_of
from higan_cam.measure.refinement import compare_masks
from higan_cam.publish.report.assemble import Measured, assemble
from higan_cam.publish.report.content import EditStrip
from higan_cam.publish.report.figures import read_figures
from higan_cam.publish.report.photos import Threshold
from higan_cam.publish.report.statistics import Histogram, ScoreSummary
from higan_cam.runtime.stages.score_tally import Labels
from higan_cam.runtime.stages.sweeps import sweep_samples
from higan_cam.runtime.workers.inputs import read_calibration
from higan_cam.store import Store
from higan_cam.types import Boundary

STRIPS = 6


def write_report(
    config: RunConfig,
    store: Store,
    score_range: tuple[float, float],
    labels: Labels | None,
    boundary: Boundary | None,
    walls: Mapping[str, tuple[float, int]],
) -> None:
    """Draw the report of whatever is there, and the gallery and the card once there are samples."""
    read = read_figures(config, store)  # before Ray draws anything: a damaged shard is told at once
    distances, strips = _strips(config, boundary)
    measured = Measured(
        scores=_scores(config, labels) if labels is not None else None,
        score_range=score_range,
        strip_distances=distances,
        strips=strips,
        walls=walls,
        thresholds=_thresholds(config, store),
        refined=compare_masks(config, store),
    )
    assemble(config, store, boundary, measured, read)


def _strips(config: RunConfig, boundary: Boundary | None) -> tuple[tuple[float, ...], tuple[EditStrip, ...]]:
    if boundary is None:
        return (), ()
    distances, images, scores = sweep_samples(config, boundary, STRIPS)
    return distances, tuple(
        EditStrip(index, tuple(pictures), tuple(float(score) for score in row))
        for index, (pictures, row) in enumerate(zip(images, scores, strict=True))
    )


def _scores(config: RunConfig, labels: Labels) -> ScoreSummary:
    extremes = labels.extremes
    histogram = Histogram(counts=labels.counts, edges=labels.edges)
    return ScoreSummary(
        histogram=histogram,
        count=extremes.seen,
        nan_count=extremes.nans,
        tail=config.boundary.tails,
        low_threshold=float(extremes.lowest.scores[-1]) if len(extremes.lowest) else None,
        high_threshold=float(extremes.highest.scores[-1]) if len(extremes.highest) else None,
    )


def _thresholds(config: RunConfig, store: Store) -> tuple[Threshold, ...]:
    """What pictures are held against; none on latents."""
    if config.source.kind == "latents":
        return ()
    own = read_calibration(store)
    asked = thresholds_of(config.invert, own)
    psnr: tuple[float | None, float | None] = (None, None)
    distance: tuple[float | None, float | None] = (None, None)
    if own is not None:
        psnr = own.typical_psnr, own.psnr
        distance = _finite(own.typical_feature_distance), _finite(own.feature_distance)
    named = config.invert.min_psnr != "auto", config.invert.max_feature_distance != "auto"
    return (
        Threshold("PSNR, dB", "at least", _finite(asked.min_psnr), *psnr, configured=named[0]),
        Threshold("feature distance", "at most", _finite(asked.max_feature_distance), *distance, configured=named[1]),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
