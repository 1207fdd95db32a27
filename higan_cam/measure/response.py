"""How scores answer to a boundary: over distances, and row by row of w+ (HiGAN's rescoring)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from higan_cam.config import EditConfig, RunConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.generate import to_uint8
from higan_cam.label import score_by_all
from higan_cam.manipulate import Relevance, edit_direction, layer_scores, plan_edit, sweep
from higan_cam.mask import BALANCE_KEY, GradCam, measured_balance
from higan_cam.pipeline import Models, attribution_for, batches, edit_for, edited_ends, tapped_layers, w_plus_of
from higan_cam.types import Boundary, ByteArray, FloatArray, Scorer

RESPONSE_DISTANCES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Where the score response is measured, in multiples of a third of `edit.distance`."""


def edit_sweep(
    models: Models, config: RunConfig, boundary: Boundary, indices: Sequence[int]
) -> tuple[tuple[float, ...], ByteArray, FloatArray]:
    """Distances (K,), images (n,K,R,R,3) uint8 and scores (n,K) of samples moved along the boundary."""
    edit = edit_for(models, config, boundary)
    distances = tuple(step * edit.distance / RESPONSE_DISTANCES[-1] for step in RESPONSE_DISTANCES)
    images, scores = [], []
    with torch.inference_mode():
        for part in batches(range(len(indices)), config.mask.micro_batch):
            w_plus = w_plus_of(models, config, [indices[i] for i in part])
            for codes in sweep(w_plus, boundary, edit, distances):
                image, _ = models.generator.synthesize(codes)
                images.append(to_uint8(image))
                scores.append(models.scorer.score(image).float().cpu().numpy())
    return distances, np.stack(images), np.stack(scores)


def cross_response(
    models: Models, scorers: Sequence[Scorer], runs: Sequence[tuple[RunConfig, Boundary]], indices: Sequence[int]
) -> tuple[ByteArray, FloatArray]:
    """What each of B boundaries does to each of S scores: images (B,n,3,R,R,3) uint8 and scores (B,n,3,S).

    The three are the negative end of the run's own edit, the sample as it is, and the positive end.
    """
    images, scores = [], []
    with torch.inference_mode():
        for config, boundary in runs:
            edit = edit_for(models, config, boundary)
            for part in batches(indices, config.mask.micro_batch):
                w_plus = w_plus_of(models, config, part)
                for codes in sweep(w_plus, boundary, edit, (-edit.distance, 0.0, edit.distance)):
                    image, _ = models.generator.synthesize(codes)
                    images.append(to_uint8(image))
                    scores.append(_by_all(scorers, image).cpu().numpy())
    shape = (len(runs), len(indices))
    pictures, scored = np.stack(images), np.stack(scores)
    return pictures.reshape(*shape, *pictures.shape[1:]), scored.reshape(*shape, *scored.shape[1:])


def with_response(boundary: Boundary, distances: Sequence[float], scores: FloatArray) -> Boundary:
    """The boundary with its measured score response, (n,K) scores at K distances, in the metrics.

    Samples with a score that is NaN or infinite are left out, and counted (`left_out`, where there are some).

    Raises:
        DataError: that leaves none.
    """
    known = scores[np.isfinite(scores).all(axis=1)]
    if not len(known):
        raise DataError(
            f"scores: each of {len(scores)} samples moved along the {boundary.attribute} boundary has a NaN or "
            "infinite score at some distance; check the scorer on edited pictures, or use a smaller edit.distance"
        )
    low, high = np.quantile(known, (0.1, 0.9), axis=0)
    columns = {"mean": known.mean(axis=0), "p10": low, "p90": high}
    response = {
        "distances": list(distances),
        **{name: [float(value) for value in values] for name, values in columns.items()},
        "samples": len(known),
        **({"left_out": len(scores) - len(known)} if len(known) < len(scores) else {}),
    }
    return replace(boundary, metrics={**boundary.metrics, "score_response": response})


def layer_relevance(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    indices: Sequence[int],
    distance: float,
    others: Sequence[Scorer] = (),
) -> FloatArray:
    """(n,2+L,1+S) scores by the run's scorer and S others: as is, moved on all rows, moved on each row alone."""
    everywhere = plan_edit(EditConfig(layers="all"), boundary, models.generator.edit_strength)
    scorers = (models.scorer, *others)

    def score(codes: Tensor) -> Tensor:
        image, _ = models.generator.synthesize(codes)
        return _by_all(scorers, image)

    parts = []
    with torch.inference_mode():
        for part in batches(indices, config.label.micro_batch):
            w_plus = w_plus_of(models, config, part)
            parts.append(layer_scores(score, w_plus, edit_direction(boundary, everywhere, w_plus), distance))
    return np.concatenate(parts)


def layer_peaks(models: Models, config: RunConfig, boundary: Boundary, indices: Sequence[int]) -> FloatArray:
    """(n,T) maximum of every tapped layer's class activation map, of samples edited as the run edits them.

    Raises:
        ConfigError: the attribution is none of the class activation maps.
    """
    attribution = attribution_for(models, config.unrefined, edit_for(models, config, boundary))
    if not isinstance(attribution, GradCam):
        raise ConfigError(f"attribution.name: {config.attribution.name} has no layers to measure")
    parts = []
    with torch.inference_mode():
        for part in batches(indices, config.mask.micro_batch):
            w_plus = w_plus_of(models, config, part)
            ends = edited_ends(models, config, boundary, w_plus)
            parts.append(attribution.peaks(models.generator, models.scorer, ends.negative, ends.positive).cpu().numpy())
    return np.concatenate(parts)


def with_layer_balance(
    models: Models, config: RunConfig, boundary: Boundary, rises: FloatArray, peaks: FloatArray
) -> Boundary:
    """The boundary with what each tapped layer counts in its metrics: (L,) rises by row, (n,T) `layer_peaks`."""
    layers = tapped_layers(models, config, edit_for(models, config, boundary))
    balance = measured_balance(config.attribution, layers, rises, peaks)
    return replace(boundary, metrics={**boundary.metrics, BALANCE_KEY: balance})


def with_measured_layers(boundary: Boundary, relevance: Relevance) -> Boundary:
    """The boundary with the rows that carry its attribute, and how much each does, in the metrics.

    Raises:
        DataError: moving a row never raises the score, so that no row can be recommended.
    """
    layers = relevance.carriers()
    if not layers:
        raise DataError(
            f"boundary.layers: no row of w+ raises the {boundary.attribute} score along the boundary; name the rows "
            "yourself, or look at the fit's metrics"
        )
    rises = {
        "overall": relevance.overall,
        "layers": [float(rise) for rise in relevance.layers],
        "samples": len(relevance.scores),
    }
    return replace(boundary, layers=layers, metrics={**boundary.metrics, "rescoring": rises})


def _by_all(scorers: Sequence[Scorer], image: Tensor) -> Tensor:
    """(N,S) float32 scores of one image."""
    return torch.stack([scored.float() for scored in score_by_all(scorers, image)], dim=1)
