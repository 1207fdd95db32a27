"""Fit a boundary between weak and strong, and make it conditional on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from higan_cam.config import BoundaryConfig
from higan_cam.errors import ConfigError, DataError, unknown_name
from higan_cam.manipulate.fit_metrics import cosine, spearman, tail_accuracy
from higan_cam.manipulate.fitting import METHODS, Fit, LabelledCodes, Split, fit_mean_difference, split
from higan_cam.types import Boundary

_SHORTEST = 1e-6
"""Length below which what remains of a unit normal after a projection is rounding."""


def fit_boundary(
    highest: LabelledCodes,
    lowest: LabelledCodes,
    rest: LabelledCodes,
    config: BoundaryConfig,
    *,
    attribute: str,
    layers: tuple[int, ...],
    seed: int,
) -> Boundary:
    """Fit the hyperplane between the two tails with `config.method`, and measure it.

    Deterministic: the same inputs and seed give the same boundary, however many threads BLAS may use. Cost O(n D^2) per
    SVM; memory O(n D).

    Args:
        highest, lowest: the tails, codes (n,D) in `config.space` and scores (n,); at least 2 each.
        rest: labelled latents outside the tails (may be empty). Half of them choose settings (`C: auto`, ridge), the
            other half gives `spearman_outside_tails`.
        layers: w+ rows an edit along the boundary moves.

    Returns:
        A boundary with unit normal (float32), offset divided by the same norm, and metrics: method, C or alpha, counts,
        `score_thresholds` of the tails, `train_accuracy` and `validation_accuracy` of the tails,
        `spearman_outside_tails` (None without a rest), `cosine_to_mean_difference`, and `score_response`, which is None
        until someone measures the mean score at several edit distances.

    Raises:
        ConfigError: unknown method.
        DataError: shapes that do not fit, values that are not finite, tails that overlap, or no direction at all.
    """
    if config.method not in METHODS:
        raise unknown_name("boundary.method", config.method, METHODS)
    _check_samples(highest, lowest, rest)
    data = split(highest, lowest, rest, config.train_fraction, seed)
    with threadpool_limits(1, user_api="blas"):  # sums depend on how they are divided among threads
        fit = METHODS[config.method](data, config)
    boundary = _normalised(fit, config, attribute, layers)
    thresholds = {"highest_min": float(highest.scores.min()), "lowest_max": float(lowest.scores.max())}
    settings = {"method": config.method, "seed": seed, "train_fraction": config.train_fraction, **fit.details}
    metrics = {**settings, "score_thresholds": thresholds, **_measured(boundary, data, config), "score_response": None}
    return replace(boundary, metrics=metrics)


def condition(boundary: Boundary, others: Sequence[Boundary]) -> Boundary:
    """Project `others` out of the normal, so that moving along it keeps the distance to each of them (InterFaceGAN).

    The offset is scaled so that the new plane goes through the old plane's point nearest to the origin.

    Raises:
        ConfigError: if the boundaries are of different spaces or dimensions.
        DataError: if the normal lies in the span of the others, so that nothing remains.
    """
    if not others:
        return boundary
    for other in others:
        if other.space != boundary.space or other.normal.shape != boundary.normal.shape:
            raise ConfigError(
                f"boundary {boundary.attribute!r} ({boundary.space}, {boundary.normal.shape}) cannot be conditioned on "
                f"{other.attribute!r} ({other.space}, {other.normal.shape}): both must lie in the same space"
            )
    normal = boundary.normal.astype(np.float64)
    # SVD and not QR of the others: repeated or dependent ones leave no arbitrary directions in the basis
    _, sizes, rows = np.linalg.svd(np.stack([other.normal for other in others]).astype(np.float64), full_matrices=False)
    basis = rows[sizes > _SHORTEST]
    remaining = normal - basis.T @ (basis @ normal)
    length = float(np.linalg.norm(remaining))
    names = [other.attribute for other in others]
    if length < _SHORTEST:
        raise DataError(f"boundary {boundary.attribute!r} lies in the span of {names}: nothing remains of it")
    unit = remaining / length
    kept = cosine(unit, normal)
    metrics = {"conditioned_on": names, "cosine_to_unconditioned": kept, "unconditioned": dict(boundary.metrics)}
    return replace(boundary, normal=unit.astype(np.float32), offset=boundary.offset * kept, metrics=metrics)


def _normalised(fit: Fit, config: BoundaryConfig, attribute: str, layers: tuple[int, ...]) -> Boundary:
    length = float(np.linalg.norm(fit.direction))
    if not np.isfinite(length) or length <= 0:
        raise DataError(f"boundary {attribute!r}: {config.method} found no direction between the tails")
    normal = (fit.direction / length).astype(np.float32)
    return Boundary(normal, fit.intercept / length, config.space, layers, attribute)


def _measured(boundary: Boundary, data: Split, config: BoundaryConfig) -> dict[str, Any]:
    train, validation = boundary.distance(data.train.codes), boundary.distance(data.validation.codes)
    plain = fit_mean_difference(data, config).direction
    return {
        "train_accuracy": tail_accuracy(train, data.train_sides),
        "validation_accuracy": tail_accuracy(validation, data.validation_sides),
        "spearman_outside_tails": spearman(boundary.distance(data.report.codes), data.report.scores),
        "cosine_to_mean_difference": cosine(boundary.normal.astype(np.float64), plain),
        "counts": {
            "train": len(data.train),
            "validation": len(data.validation),
            "selection": len(data.selection),
            "report": len(data.report),
        },
    }


def _check_samples(highest: LabelledCodes, lowest: LabelledCodes, rest: LabelledCodes) -> None:
    dimension = highest.codes.shape[-1]
    for name, samples in (("highest", highest), ("lowest", lowest), ("rest", rest)):
        if samples.codes.shape != (len(samples), dimension) or samples.scores.ndim != 1:
            raise DataError(
                f"boundary: {name} must be codes (n,{dimension}) with scores (n,), "
                f"got {samples.codes.shape} and {samples.scores.shape}"
            )
        if not (np.isfinite(samples.codes).all() and np.isfinite(samples.scores).all()):
            raise DataError(f"boundary: {name} holds NaN or infinite values; check the generator and the scorer")
    if min(len(highest), len(lowest)) < 2:
        raise DataError(f"boundary: needs 2 samples in each tail, got {len(highest)} and {len(lowest)}")
    if lowest.scores.max() >= highest.scores.min():
        raise DataError(
            f"boundary: the tails overlap: the lowest reach {lowest.scores.max():g}, the highest start at "
            f"{highest.scores.min():g}; use smaller tails"
        )
