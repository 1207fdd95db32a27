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

from higan_cam.config import RunConfig, config_hash, parse_layers
from higan_cam.errors import ConfigError, DataError, QuarantinedError, unknown_name
from higan_cam.label import final_range, make_scorer, needs_quartiles, scorer_files
from higan_cam.manipulate import METHODS, checked_targets, edit_direction, load_boundary
from higan_cam.pipeline import Models, attribution_for, edit_for, load_models
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.cluster.join import cluster, resources
from higan_cam.runtime.plan import SCORES, plan_crew, plan_label, plan_mask
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.fit import condition_files, find_boundary, settle_boundary
from higan_cam.runtime.stages.label import Labels, label_samples
from higan_cam.runtime.stages.mask import make_masks
from higan_cam.runtime.stages.report import REPORT_KEY, warnings, write_report
from higan_cam.store import Lease, Store, begin_run, committed, open_store
from higan_cam.types import Boundary
from higan_cam.weights.files import data_path, sha256_of
from higan_cam.weights.zoo import located

log = logging.getLogger(__name__)
STAGES = ("label", "fit", "mask", "report")
GENERATOR_FILES = {"rooms": "rooms_generator.safetensors"}


@dataclass
class Outcome:
    """What a call of `run_stages` did.

    Attributes:
        seconds: wall time by stage.
        workers: actors by stage.
        samples: {stage: committed rows} of the stages that were run.
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


def run_stages(
    config: RunConfig, stages: tuple[str, ...] = STAGES, console: Console | None = None, head: Head | None = None
) -> Outcome:
    """Run the named stages, in the order of the flow. Each reads what the earlier ones left in the store.

    Everything but run.json (which is created exclusively) is written under the lease of the output, so that one
    driver at a time is at work there. A failing mask unit does not stop the others; look at `Outcome.problems`.

    Raises:
        HiganCamError: configuration, weights, data or store problems; what is already written stays.
        LeaseHeldError: another driver is at work on this output.
        LeaseLostError: another driver took over, because this one was paused or cut off for too long.
        QuarantinedError: score shards are missing, so a boundary fitted now would not be this run's boundary.
    """
    models = load_models(config)
    check_models(models, config)
    store = open_store(config.output, config.store)
    # Workers have another working directory: from here on a local output is an absolute path.
    config = config.model_copy(update={"output": store.uri})
    begin_run(store, config, weights_digests(config))
    lease = Lease(store, config.runtime.lease_s, config.runtime.lease_wait_s)
    meters = Meters(console or Console(), lease.check, _name(config))
    log.info("run=%s output=%s stages=%s", _name(config), store.uri, ",".join(stages))
    with lease.held(meters.snapshot):
        return _Job(config, store, models, lease, meters).run(stages, head)


class _Job:
    """One call of `run_stages`, under the lease."""

    def __init__(self, config: RunConfig, store: Store, models: Models, lease: Lease, meters: Meters) -> None:
        self.config, self.store, self.models, self.lease, self.meters = config, store, models, lease, meters
        self.outcome = Outcome(store)

    def run(self, stages: tuple[str, ...], head: Head | None) -> Outcome:
        config, store, outcome = self.config, self.store, self.outcome
        with cluster(config.runtime, head):
            _plan_workers(config, outcome)
            boundary = find_boundary(config, store)
            labels: Labels | None = None
            if "label" in stages or (boundary is None and stages != ("report",) and _fits(config, self.models)):
                labels = self._labels(stages)
            if "fit" in stages or "mask" in stages:
                with self._timed("fit"):
                    boundary = settle_boundary(config, store, self.models, labels)
            if "mask" in stages and boundary is not None:
                with self._timed("mask"):
                    make_masks(config, store, boundary, self.meters)
            if "report" in stages:
                walls = self._walls()
                with self._timed("report"):
                    scale = final_range(config.scorer, self.models.scorer)
                    write_report(config, store, scale, labels, boundary, walls)
        outcome.samples = {name: tally.done for name, tally in self.meters.tallies.items()}
        outcome.problems = warnings(store)
        return outcome

    def _labels(self, stages: tuple[str, ...]) -> Labels:
        if "label" not in stages:
            _need_labels(self.config, self.store)
        with self._timed("label"):
            labels = label_samples(self.config, self.store, self.meters, self.models.scorer.score_range)
        tally = self.meters.tallies["label"]
        if tally.done < tally.total:
            lines = "\n  ".join(warnings(self.store))
            raise QuarantinedError(
                f"{tally.quarantined} score shards failed, and nothing is fitted without them:\n  {lines}\n"
                "Run the same command again."
            )
        return labels

    def _walls(self) -> dict[str, tuple[float, int]]:
        """{stage: (wall seconds, workers)} of the stages that this process did from beginning to end."""
        resumed = {name for name, tally in self.meters.tallies.items() if tally.before}
        whole = {name: seconds for name, seconds in self.outcome.seconds.items() if name not in resumed}
        return {name: (seconds, self.outcome.workers.get(name, 1)) for name, seconds in whole.items()}

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        """One stage: not begun, and not called done, by a driver that has lost the output to another."""
        self.lease.check()
        log.info("run=%s stage=%s begins", _name(self.config), stage)
        began = time.monotonic()
        yield
        self.lease.check()
        self.outcome.seconds[stage] = time.monotonic() - began
        log.info("run=%s stage=%s seconds=%.1f", _name(self.config), stage, self.outcome.seconds[stage])


def weights_digests(config: RunConfig) -> dict[str, str]:
    """{role: sha256} of every weights file that the run uses."""
    files = {"generator": weights_file(config.generator.weights, GENERATOR_FILES)}
    for role, scorer in (("scorer", config.scorer), ("mask.second_scorer", config.judge)):
        if scorer is not None:
            files |= {file_role(role, field): path for field, path in scorer_files(scorer).items()}
    if config.boundary.weights is not None:
        files["boundary"] = located(config.boundary.weights)
    files |= {f"boundary.conditions.{number}": file for number, file in condition_files(config).items()}
    return {role: sha256_of(path) for role, path in files.items()}


def file_role(role: str, field: str) -> str:
    """What run.json calls a file of a network: its weights by the role alone."""
    return role if field == "weights" else f"{role}.{field}"


def _fits(config: RunConfig, models: Models) -> bool:
    """Whether the boundary needs this run's labels: to be fitted, or for the scale of the scores."""
    return config.boundary.weights is None or needs_quartiles(config.scorer, models.scorer)


def _need_labels(config: RunConfig, store: Store) -> None:
    """Refuse to label as a side effect of a later stage."""
    done, wanted = len(committed(store, SCORES, config_hash(config))), len(plan_label(config))
    if done < wanted:
        raise DataError(
            f"{store.uri}: {done} of {wanted} score shards are there; "
            "run `higan-cam label` with this configuration first"
        )


def check_models(models: Models, config: RunConfig) -> None:
    """Find configuration mistakes that need the networks before anything is written or started."""
    if config.boundary.method not in METHODS:
        raise unknown_name("boundary.method", config.boundary.method, METHODS)
    rows = tuple(range(models.generator.num_layers))
    normal = np.eye(1, models.generator.w_dim, dtype=np.float32)[0]
    dummy = Boundary(normal, 0.0, "w", rows, config.attribute)
    boundary = dummy if config.boundary.weights is None else load_boundary(config.boundary.weights)
    needs_quartiles(config.scorer, models.scorer)
    _check_judge(config)
    edit = edit_for(models, config, boundary)
    codes = torch.zeros(1, models.generator.num_layers, models.generator.w_dim)
    for each in (boundary, *(load_boundary(file) for file in condition_files(config).values())):
        edit_direction(each, edit, codes)
    if config.boundary.layers != "measured":
        parse_layers(config.boundary.layers, models.generator.num_layers, rows, "boundary.layers")
    if config.edit.targets is not None:
        checked_targets(config.edit.targets, final_range(config.scorer, models.scorer))
    attribution_for(models, config, edit)


def _check_judge(config: RunConfig) -> None:
    """Build the second scorer once. ConfigError: a scale of its own, which shares of a change do not depend on."""
    if config.judge is None:
        return
    if config.judge.scale is not None:
        raise ConfigError(
            f"mask.second_scorer.scale: {config.judge.scale}, but it only judges shares of a change; leave it null"
        )
    try:
        make_scorer(config.judge)
    except ConfigError as error:
        raise ConfigError(f"mask.second_scorer: {error}") from error


def weights_file(name: str, embedded: dict[str, str]) -> Path:
    """Where the weights are that the configuration calls `name`: an embedded file, a fetched checkpoint, or a path."""
    return data_path(embedded[name]) if name in embedded else located(name)


def _plan_workers(config: RunConfig, outcome: Outcome) -> None:
    for stage, units in (("label", plan_label(config)), ("mask", plan_mask(config))):
        outcome.workers[stage] = plan_crew(config.runtime, *resources(), len(units)).workers


def _name(config: RunConfig) -> str:
    """What log lines call the run: the beginning of its configuration's hash."""
    return config_hash(config)[:12]
