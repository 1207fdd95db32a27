"""The whole job, stage by stage, resumable: the same command goes on from what the store already holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import DataError, QuarantinedError, unknown_name
from higan_cam.label.loading import EMBEDDED as SCORER_FILES
from higan_cam.manipulate import METHODS, edit_direction, load_boundary
from higan_cam.pipeline import Models, attribution_for, edit_for, load_models
from higan_cam.publish import Store, begin_run, committed, open_store
from higan_cam.runtime.cluster import cluster, resources
from higan_cam.runtime.fit_stage import find_boundary, settle_boundary
from higan_cam.runtime.label_stage import Labels, label_samples
from higan_cam.runtime.mask_stage import make_masks
from higan_cam.runtime.plan import DATA, SCORES, plan_crew, plan_label, plan_mask
from higan_cam.runtime.report_stage import REPORT_KEY, warnings, write_report
from higan_cam.types import Boundary
from higan_cam.weights import data_path, sha256_of

log = logging.getLogger(__name__)
STAGES = ("label", "fit", "mask", "report")
GENERATOR_FILES = {"rooms": "rooms_generator.safetensors"}


@dataclass
class Outcome:
    """What a call of `run_stages` did.

    Attributes:
        seconds: wall time by stage.
        workers: actors by stage.
        samples: {stage: committed rows}.
        problems: one line per quarantined unit; not empty means that the run is not complete.
    """

    store: Store
    seconds: dict[str, float] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    samples: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def report(self) -> str:
        """Where the report is."""
        return f"{self.store.uri.rstrip('/')}/{REPORT_KEY}"


def run_stages(config: RunConfig, stages: tuple[str, ...] = STAGES, console: Console | None = None) -> Outcome:
    """Run the named stages, in the order of the flow. Each reads what the earlier ones left in the store.

    A failing mask unit does not stop the others; look at `Outcome.problems`.

    Raises:
        HiganCamError: configuration, weights, data or store problems; what is already written stays.
        QuarantinedError: score shards are missing, so a boundary fitted now would not be this run's boundary.
    """
    console = console or Console()
    models = load_models(config)
    _check(models, config)
    store = open_store(config.output)
    # Workers have another working directory: from here on a local output is an absolute path.
    config = config.model_copy(update={"output": store.uri})
    begin_run(store, config, weights_digests(config))
    outcome = Outcome(store)
    _count(config, store, outcome)
    resumed = {stage for stage, rows in outcome.samples.items() if rows}
    with cluster(config.runtime):
        _plan_workers(config, outcome)
        boundary = find_boundary(config, store)
        labels: Labels | None = None
        if "label" in stages or (config.boundary.weights is None and boundary is None and stages != ("report",)):
            labels = _labels(config, store, models, stages, console, outcome)
        if "fit" in stages or "mask" in stages:
            with _timed(outcome, "fit"):
                boundary = settle_boundary(config, store, models, labels)
        if "mask" in stages and boundary is not None:
            with _timed(outcome, "mask"):
                make_masks(config, store, boundary, console)
        if "report" in stages:
            whole = {name: seconds for name, seconds in outcome.seconds.items() if name not in resumed}
            walls = {name: (seconds, outcome.workers.get(name, 1)) for name, seconds in whole.items()}
            with _timed(outcome, "report"):
                write_report(config, store, models.scorer.score_range, labels, boundary, walls)
    _count(config, store, outcome)
    outcome.problems = warnings(store)
    return outcome


def weights_digests(config: RunConfig) -> dict[str, str]:
    """{role: sha256} of every weights file that the configuration names."""
    files = {
        "generator": _file(config.generator.weights, GENERATOR_FILES),
        "scorer": _file(config.scorer.weights, SCORER_FILES),
    }
    if config.boundary.weights is not None:
        files["boundary"] = Path(config.boundary.weights)
    return {role: sha256_of(path) for role, path in files.items()}


def _labels(
    config: RunConfig, store: Store, models: Models, stages: tuple[str, ...], console: Console, outcome: Outcome
) -> Labels:
    if "label" not in stages:
        _need_labels(config, store)
    with _timed(outcome, "label"):
        labels = label_samples(config, store, console, models.scorer.score_range)
    missing = len(plan_label(config)) - len(committed(store, SCORES, config_hash(config)))
    if missing:
        lines = "\n  ".join(warnings(store))
        raise QuarantinedError(
            f"{missing} score shards failed, and nothing is fitted without them:\n  {lines}\n"
            "Run the same command again."
        )
    return labels


def _need_labels(config: RunConfig, store: Store) -> None:
    """Refuse to label as a side effect of a later stage."""
    done, wanted = len(committed(store, SCORES, config_hash(config))), len(plan_label(config))
    if done < wanted:
        raise DataError(
            f"{store.uri}: {done} of {wanted} score shards are there; "
            "run `higan-cam label` with this configuration first"
        )


def _check(models: Models, config: RunConfig) -> None:
    """Find configuration mistakes that need the networks before anything is written or started."""
    if config.boundary.method not in METHODS:
        raise unknown_name("boundary.method", config.boundary.method, METHODS)
    rows = tuple(range(models.generator.num_layers))
    normal = np.eye(1, models.generator.w_dim, dtype=np.float32)[0]
    dummy = Boundary(normal, 0.0, "w", rows, config.attribute)
    boundary = dummy if config.boundary.weights is None else load_boundary(Path(config.boundary.weights))
    edit = edit_for(models, config, boundary)
    edit_direction(boundary, edit, torch.zeros(1, models.generator.num_layers, models.generator.w_dim))
    attribution_for(models, config, edit)


def _file(name: str, embedded: dict[str, str]) -> Path:
    return data_path(embedded[name]) if name in embedded else Path(name)


def _plan_workers(config: RunConfig, outcome: Outcome) -> None:
    for stage, units in (("label", plan_label(config)), ("mask", plan_mask(config))):
        outcome.workers[stage] = plan_crew(config.runtime, *resources(), len(units)).workers


def _count(config: RunConfig, store: Store, outcome: Outcome) -> None:
    for stage, name in ((SCORES, "label"), (DATA, "mask")):
        records = committed(store, stage, config_hash(config))
        outcome.samples[name] = sum(record.rows for record in records.values())


@contextmanager
def _timed(outcome: Outcome, stage: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    outcome.seconds[stage] = time.monotonic() - began
    log.info("stage=%s seconds=%.1f", stage, outcome.seconds[stage])
