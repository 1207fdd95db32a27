"""Stage two, on the driver: extremes -> boundary, persisted before anything is built on it."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from higan_cam.config import RunConfig, parse_layers
from higan_cam.config.attributes import SIBLING
from higan_cam.errors import DataError
from higan_cam.label import lacks_labels, with_quartiles
from higan_cam.manipulate import check_extremes, condition, decode_boundary, encode_boundary, load_boundary
from higan_cam.mask import needs_balance
from higan_cam.measure.response import with_layer_balance, with_measured_layers, with_response
from higan_cam.pipeline import Models, fit_from_extremes, labelled_codes, on_final_scale
from higan_cam.publish.report.statistics import UNLABELLED_KEY, Unlabelled
from higan_cam.runtime.stages.score_tally import Labels, outside_tails
from higan_cam.runtime.stages.sweeps import peaks_of_samples, reasons_of_samples, rescore_samples, sweep_samples
from higan_cam.store import Store, open_store
from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import SELECTED_KEY, boundary_keys
from higan_cam.types import Boundary

log = logging.getLogger(__name__)
RESPONSE_SAMPLES = 48
UNLABELLED_LOOKED_AT = 64
"""Samples without a score whose reasons are asked for."""


def find_boundary(config: RunConfig, store: Store) -> Boundary | None:
    """The boundary that this run has already fitted, or None. The metrics are written last and decide."""
    tensors_key, metrics_key = boundary_keys(config)
    metrics = store.find(metrics_key)
    if metrics is None:
        return None
    return decode_boundary(store.get(tensors_key), metrics, f"{store.uri}/{tensors_key}")


def settle_boundary(config: RunConfig, store: Store, models: Models, labels: Labels | None) -> Boundary:
    """The run's boundary: the one already there, the ready one that the configuration names, or a new fit.

    The selected 2 x tails samples are persisted first, since scores from another kind of device may rank differently.

    Raises:
        DataError: where the labels cannot support a fit (too few, constant, NaN), or have no quartiles.
    """
    there = find_boundary(config, store)
    if there is not None:
        return there
    if config.boundary.weights is not None:
        boundary = load_boundary(config.boundary.weights)
    else:
        if labels is None:
            raise ValueError("a fit needs labels")
        boundary = _fit(config, store, models, labels)
    boundary = condition(boundary, conditions_of(config))
    scores = labels.scores if labels is not None else np.zeros(0)
    boundary = with_quartiles(boundary, config.scorer, models.scorer, scores)
    models = on_final_scale(models, boundary)
    boundary = _with_layers(config, models, boundary)
    boundary = _with_balance(config, models, boundary)
    distances, _, scores = sweep_samples(config, boundary, RESPONSE_SAMPLES)
    boundary = with_response(boundary, distances, scores)
    tensors, metrics = encode_boundary(boundary)
    tensors_key, metrics_key = boundary_keys(config)
    store.put(tensors_key, tensors)
    store.put_new(metrics_key, metrics)
    # What a restart would read, to the last type: nothing downstream may depend on who fitted it.
    return decode_boundary(store.get(tensors_key), store.get(metrics_key), f"{store.uri}/{tensors_key}")


def conditions_of(config: RunConfig) -> list[Boundary]:
    """The boundaries to project out, from files or from the runs of other attributes beside this one.

    Raises:
        DataError: another attribute has no boundary yet.
    """
    return [_condition(config, name) for name in config.boundary.conditions]


def _condition(config: RunConfig, name: str) -> Boundary:
    if not name.startswith(SIBLING):
        return load_boundary(name)
    attribute = name.removeprefix(SIBLING)
    store = open_store(f"{config.output.rstrip('/').rpartition('/')[0]}/{attribute}", config.store)
    boundary = find_boundary(config.model_copy(update={"attribute": attribute}), store)
    if boundary is None:
        raise DataError(f"{store.uri}: no boundary is there yet, and {config.attribute!r} is conditioned on it; fit it")
    return boundary


def _with_layers(config: RunConfig, models: Models, boundary: Boundary) -> Boundary:
    """The boundary with the rows that `boundary.layers` asks for."""
    asked = config.boundary.layers
    if asked == "measured":
        return with_measured_layers(boundary, rescore_samples(config, boundary, config.boundary.rescoring_samples))
    if asked == "auto":
        return boundary
    rows = parse_layers(asked, models.generator.num_layers, boundary.layers, "boundary.layers")
    return replace(boundary, layers=rows)


def _with_balance(config: RunConfig, models: Models, boundary: Boundary) -> Boundary:
    """The boundary with what each tapped layer counts, where the attribution asks for that."""
    if not needs_balance(config.attribution):
        return boundary
    samples = config.boundary.rescoring_samples
    rises = boundary.metrics.get("rescoring", {}).get("layers")
    if rises is None:
        rises = rescore_samples(config, boundary, samples).layers
    return with_layer_balance(models, config, boundary, np.asarray(rises), peaks_of_samples(config, boundary, samples))


def _fit(config: RunConfig, store: Store, models: Models, labels: Labels) -> Boundary:
    check_extremes(labels.extremes, lacks_labels(config.scorer, models.scorer))
    highest, lowest = labels.extremes.highest, labels.extremes.lowest
    selected = {"highest": highest.indices.tolist(), "lowest": lowest.indices.tolist()}
    store.put(SELECTED_KEY, canonical_json(selected))
    rest = labelled_codes(models, config, *outside_tails(labels))
    boundary = fit_from_extremes(models, config, labels.extremes, rest)
    log.info(
        "stage=fit method=%s tails=%d spearman_outside_tails=%s",
        config.boundary.method,
        len(highest),
        np.round(boundary.metrics.get("spearman_outside_tails") or float("nan"), 4),
    )
    return with_unlabelled(config, boundary, labels)


def with_unlabelled(config: RunConfig, boundary: Boundary, labels: Labels) -> Boundary:
    """The boundary with the number of samples that the scorer had no score for, and why, where there are some."""
    extremes = labels.extremes
    if not extremes.nans:
        return boundary
    some = labels.indices[np.isnan(labels.scores)][:UNLABELLED_LOOKED_AT].tolist()
    found = Unlabelled(extremes.nans, extremes.seen, reasons_of_samples(config, some))
    log.warning("stage=fit %s", found.sentence())
    return replace(boundary, metrics={**boundary.metrics, UNLABELLED_KEY: found.to_json()})
