"""A run of several attributes (`config.attributes`): images drawn once for all, then a run for each, then a page.

Every attribute's folder is a run of its own (run.json, manifest, lease, dataset, report), so that restarts, `verify`,
`status` and the exports know nothing of the others. The folder above has run.json, a lease and the page.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache

import numpy as np
from rich.console import Console

from higan_cam.config import RunConfig, config_hash
from higan_cam.config.attributes import members
from higan_cam.errors import DataError, QuarantinedError
from higan_cam.manipulate import entanglement
from higan_cam.pipeline import load_models, measured_floor
from higan_cam.pipeline.relit import settled
from higan_cam.publish import decode_scores
from higan_cam.publish.report.attributes import AttributesContent, AttributeView, render_attributes
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.cluster.join import cluster
from higan_cam.runtime.preflight import preflight
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.run import STAGES, Outcome, run_stages
from higan_cam.runtime.stages.fit import find_boundary
from higan_cam.runtime.stages.refine import Learn
from higan_cam.runtime.stages.shared_labels import label_together
from higan_cam.runtime.stages.sweeps import cross_samples
from higan_cam.store import Lease, Store, begin_run, committed, open_store
from higan_cam.store.keys import DATA, REPORT_KEY, SCORES
from higan_cam.types import Boundary, ByteArray, FloatArray

log = logging.getLogger(__name__)
CROSS_SAMPLES, SHOWN = 48, 3


def run_all(
    config: RunConfig,
    stages: tuple[str, ...] = STAGES,
    console: Console | None = None,
    head: Head | None = None,
    learn: Learn | None = None,
) -> Outcome:
    """`run_stages`, for each attribute that the configuration lists. One whose labels fail does not stop the others.

    Raises:
        ConfigError: an attribute's configuration is wrong; found before anything is written.
        HiganCamError: as `run_stages`; what is already written stays.
    """
    runs = members(config)
    if not config.attributes:
        return run_stages(config, stages, console, head, learn)
    digests = {name: preflight(each, head).digests for name, each in runs.items()}
    store = open_store(config.output, config.store)
    # Workers have another working directory: from here on a local output is an absolute path.
    runs = members(config.model_copy(update={"output": store.uri}))
    begin_run(store, config)
    # Before Ray starts: from here on `status` finds every attribute.
    one = next(iter(runs.values()))  # the file's own scorer may be half of one, which each attribute completes
    floor = cache(lambda: measured_floor(load_models(one), one))  # one generator and one seed for all
    begun = [_begun(each, digests[name], floor) for name, each in runs.items()]
    lease = Lease(store, config.runtime.lease_s, config.runtime.lease_wait_s)
    meters = Meters(console or Console(), lease.check, config_hash(config)[:12])
    with lease.held(meters.snapshot), cluster(config.runtime, head):
        outcome = Outcome(store)
        if "label" in stages:
            began = time.monotonic()
            label_together([each for each in begun if _labels(each[0])], meters)
            outcome.seconds["label"] = time.monotonic() - began
        for name, each in runs.items():
            lease.check()
            log.info("run=%s attribute=%s", config_hash(config)[:12], name)
            try:
                _add(outcome, name, run_stages(each, stages, console, learn=learn))
            except (QuarantinedError, DataError) as error:  # labels that failed, or a condition's that did
                outcome.problems.append(f"{name}: {error}")
        if "report" in stages:
            write_overview(store, runs, outcome.problems)
    return outcome


def write_overview(store: Store, runs: dict[str, RunConfig], problems: list[str]) -> None:
    """The page with the entanglement matrix; none before every attribute has its boundary."""
    stores = {name: open_store(each.output, each.store) for name, each in runs.items()}
    boundaries = {name: find_boundary(each, stores[name]) for name, each in runs.items()}
    fitted = [(runs[name], boundary) for name, boundary in boundaries.items() if boundary is not None]
    if len(fitted) < len(runs):
        return
    images, scores = cross_samples(fitted, CROSS_SAMPLES)
    normals = np.stack([boundary.normal for _, boundary in fitted])
    views = [
        _view(each, stores[each.attribute], boundary, images[row, :SHOWN])
        for row, (each, boundary) in enumerate(fitted)
    ]
    content = AttributesContent(
        title=f"{len(runs)} attributes: {', '.join(name.replace('_', ' ') for name in runs)}",
        attributes=tuple(views),
        changes=entanglement(scores[:, :, 1:]),
        cosines=normals @ normals.T,
        correlations=_correlations(fitted, list(stores.values())),
        samples=scores.shape[1],
        warnings=tuple(problems),
    )
    store.put(REPORT_KEY, render_attributes(content).encode())


def _labels(config: RunConfig) -> bool:
    """Whether the run looks at latents for more than a boundary that is there already."""
    return config.source.kind == "latents" or config.boundary.weights is None


def _begun(config: RunConfig, digests: dict[str, str], floor: Callable[[], int]) -> tuple[RunConfig, Store]:
    """The run of one attribute, claimed, so that labels may be committed to it."""
    store = open_store(config.output, config.store)
    begin_run(store, config, digests, floor, settled(config))
    return config, store


def _add(outcome: Outcome, name: str, one: Outcome) -> None:
    for stage, seconds in one.seconds.items():
        outcome.seconds[stage] = outcome.seconds.get(stage, 0.0) + seconds
    for stage, rows in one.samples.items():
        outcome.samples[stage] = outcome.samples.get(stage, 0) + rows
    outcome.workers |= one.workers
    outcome.problems += [f"{name}: {problem}" for problem in one.problems]


def _view(config: RunConfig, store: Store, boundary: Boundary, images: ByteArray) -> AttributeView:
    spearman = boundary.metrics.get("spearman_outside_tails")
    rows = sum(record.rows for record in committed(store, DATA, config_hash(config)).values())
    facts = {
        "samples": f"{rows:,}",
        "boundary": (config.boundary.method.replace("_", " ") if config.boundary.weights is None else "given")
        + (f", rank correlation {spearman:.2f} outside the tails" if spearman is not None else ""),
    }
    pictures = tuple(tuple(row) for row in images)
    return AttributeView(
        config.attribute, config.scorer.describe(), f"../{config.attribute}/{REPORT_KEY}", facts, pictures
    )


def _correlations(runs: list[tuple[RunConfig, Boundary]], stores: list[Store]) -> FloatArray:
    """(A,A) Spearman's correlation of the labels in every run's first score shard; NaN where a score is constant."""
    columns = []
    for (config, _), store in zip(runs, stores, strict=True):
        record = committed(store, SCORES, config_hash(config)).get(0)
        columns.append(decode_scores(store.get(record.path))[1] if record else np.zeros(0))
    if len({len(column) for column in columns}) != 1 or len(columns[0]) < 2:
        return np.full((len(columns), len(columns)), np.nan)
    from scipy.stats import rankdata  # half a second, which a run of one attribute would wait for

    known = np.isfinite(columns).all(axis=0)  # a picture without a score of one is left out of all
    if known.sum() < 2:
        return np.full((len(columns), len(columns)), np.nan)
    ranks = np.stack([rankdata(column[known]) for column in columns])
    with np.errstate(invalid="ignore"):
        correlations: FloatArray = np.atleast_2d(np.corrcoef(ranks))
    return correlations
