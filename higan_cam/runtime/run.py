"""The whole job, stage by stage, resumable: the same command goes on from what the store already holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from higan_cam.config import RunConfig, config_hash
from higan_cam.config.stages import AUTO
from higan_cam.errors import DataError, QuarantinedError
from higan_cam.label import final_range, needs_quartiles
from higan_cam.pipeline import Models, measured_floor
from higan_cam.pipeline.relit import settled
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.cluster.join import cluster, resources
from higan_cam.runtime.plan import plan_crew, plan_label, plan_mask, plan_pilot
from higan_cam.runtime.preflight import preflight
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.choose import settle_attribution
from higan_cam.runtime.stages.fit import find_boundary, settle_boundary
from higan_cam.runtime.stages.invert import invert_pictures, with_listing
from higan_cam.runtime.stages.label import label_samples
from higan_cam.runtime.stages.mask import make_masks
from higan_cam.runtime.stages.refine import Learn, make_pilot, settle_student
from higan_cam.runtime.stages.report import write_report
from higan_cam.runtime.stages.score_tally import Labels
from higan_cam.store import Lease, Store, begin_run, committed, open_store
from higan_cam.store.keys import REPORT_KEY, SCORES
from higan_cam.store.manifest import quarantine_lines
from higan_cam.types import Boundary

log = logging.getLogger(__name__)
STAGES = ("label", "fit", "invert", "mask", "report")


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
    config: RunConfig,
    stages: tuple[str, ...] = STAGES,
    console: Console | None = None,
    head: Head | None = None,
    learn: Learn | None = None,
) -> Outcome:
    """Run the named stages, in the order of the flow. Each reads what the earlier ones left in the store.

    Everything but run.json (which is created exclusively) is written under the lease of the output, so that one
    driver at a time is at work there. A failing mask unit does not stop the others; look at `Outcome.problems`.

    Args:
        learn: how a refined run's student learns from its pilot (`train.student.refine.learn`): trainers are a floor
            above this one. Not needed where the student is there, or `mask.refine` is null.

    Raises:
        HiganCamError: configuration, weights, data or store problems; what is already written stays.
        LeaseHeldError: another driver is at work on this output.
        LeaseLostError: another driver took over, because this one was paused or cut off for too long.
        QuarantinedError: score shards are missing, so a boundary fitted now would not be this run's boundary.
    """
    ready = preflight(config, head)
    store = open_store(config.output, config.store)
    # Workers have another working directory: from here on a local output is an absolute path.
    config = config.model_copy(update={"output": store.uri})
    begin_run(store, config, ready.digests, lambda: measured_floor(ready.models, config), settled(config))
    lease = Lease(store, config.runtime.lease_s, config.runtime.lease_wait_s)
    meters = Meters(console or Console(), lease.check, _name(config))
    log.info("run=%s output=%s stages=%s", _name(config), store.uri, ",".join(stages))
    with lease.held(meters.snapshot):
        config = with_listing(config, store)
        run = Run(config, store, ready.models, lease, meters, Outcome(store), learn)
        with cluster(config.runtime, head):
            run.all(stages)
        run.outcome.samples = {name: tally.done for name, tally in meters.tallies.items()}
        run.outcome.problems = quarantine_lines(store)
    return run.outcome


@dataclass(frozen=True)
class Run:
    """One call of `run_stages`, under the lease and with Ray up."""

    config: RunConfig
    store: Store
    models: Models
    lease: Lease
    meters: Meters
    outcome: Outcome
    learn: Learn | None = None

    def all(self, stages: tuple[str, ...]) -> None:
        """The named stages in the order of the flow."""
        _plan_workers(self.config, self.outcome)
        boundary = find_boundary(self.config, self.store)
        labels = self.label(stages) if self._wants_labels(stages, boundary) else None
        if "fit" in stages or "mask" in stages:
            boundary = self.fit(labels)
        if self.config.source.kind == "pictures" and {"invert", "mask"} & set(stages):
            self.invert()
        if "mask" in stages and boundary is not None:
            if self.config.attribution.name == AUTO:
                self.choose(boundary)
            if self.config.mask.refine is not None:
                self.refine(boundary)
            self.mask(boundary)
        if "report" in stages:
            self.report(labels, boundary)

    def label(self, stages: tuple[str, ...]) -> Labels:
        """Label what is not labelled yet, or only read where labelling was not asked for.

        Raises:
            DataError: not asked for, and labels are missing.
            QuarantinedError: score shards failed.
        """
        if "label" not in stages:
            _need_labels(self.config, self.store)
        with self._timed("label"):
            labels = label_samples(self.config, self.store, self.meters, self.models.scorer.score_range)
        tally = self.meters.tallies["label"]
        if tally.done < tally.total:
            lines = "\n  ".join(quarantine_lines(self.store))
            raise QuarantinedError(
                f"{tally.quarantined} score shards failed, and nothing is fitted without them:\n  {lines}\n"
                "Run the same command again."
            )
        return labels

    def fit(self, labels: Labels | None) -> Boundary:
        """The boundary: the one that is there, or fitted now."""
        with self._timed("fit"):
            return settle_boundary(self.config, self.store, self.models, labels)

    def invert(self) -> None:
        """The codes of the run's pictures that are not there yet."""
        with self._timed("invert"):
            invert_pictures(self.config, self.store, self.meters)

    def choose(self, boundary: Boundary) -> None:
        """The attribution: the one that was chosen, or the best of the candidates now."""
        with self._timed("choose"):
            settle_attribution(self.config, self.store, boundary, self.meters)

    def refine(self, boundary: Boundary) -> None:
        """The pilot's shards that are not there yet, and the student that learns from them."""
        with self._timed("pilot"):
            make_pilot(self.config, self.store, boundary, self.meters)
        with self._timed("student"):
            settle_student(self.config, self.store, self.learn)

    def mask(self, boundary: Boundary) -> None:
        """The dataset's shards that are not there yet."""
        with self._timed("mask"):
            make_masks(self.config, self.store, boundary, self.meters)

    def report(self, labels: Labels | None, boundary: Boundary | None) -> None:
        """Report, gallery and dataset card, of whatever is there."""
        walls = self._walls()
        with self._timed("report"):
            scale = final_range(self.config.scorer, self.models.scorer)
            write_report(self.config, self.store, scale, labels, boundary, walls)

    def _wants_labels(self, stages: tuple[str, ...], boundary: Boundary | None) -> bool:
        """Whether to label, or to read the labels: a report alone takes what is there.

        A run on pictures labels latents for its boundary alone.
        """
        needed = _fits(self.config, self.models)
        if "label" in stages:
            return needed or self.config.source.kind == "latents"
        return boundary is None and stages not in (("report",), ("invert",)) and needed

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


def _plan_workers(config: RunConfig, outcome: Outcome) -> None:
    plans = {"label": plan_label(config), "invert": plan_mask(config), "mask": plan_mask(config)}
    if config.mask.refine is not None:
        plans["pilot"] = plan_pilot(config)
    for stage, units in plans.items():
        outcome.workers[stage] = plan_crew(config.runtime, *resources(), len(units)).workers


def _name(config: RunConfig) -> str:
    """What log lines call the run: the beginning of its configuration's hash."""
    return config_hash(config)[:12]
