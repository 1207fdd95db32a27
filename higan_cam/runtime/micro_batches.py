"""Which micro-batch and precision are fastest on this machine? Measured with as many workers at once as a run has.

Workers share caches and memory, so one alone finds another optimum than all together. Each measures in a process with a
run's own environment (one thread, an allocator that keeps what it frees). A run never changes its micro-batch by
itself, since the last bits of its results depend on it; what is found here is for the configuration.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import ray
import torch

from higan_cam.config import RunConfig, RuntimeConfig
from higan_cam.config.stages import AUTO
from higan_cam.errors import ConfigError
from higan_cam.generate.base import LayeredGenerator
from higan_cam.pipeline import Models, attribute_unit, label_unit, load_models, recommended_rows
from higan_cam.pipeline.devices import prepare_process
from higan_cam.runtime.cluster.join import cluster, resources
from higan_cam.runtime.plan import Crew, plan_crew
from higan_cam.runtime.preflight import check_models
from higan_cam.runtime.workers.memory import Stage, is_out_of_memory, with_micro_batch
from higan_cam.types import Boundary, FloatArray, Precision, WorkUnit

MEASURED: tuple[Stage, ...] = ("label", "mask")
SIZES = (4, 8, 16, 32, 64)
GPU_SIZES = (16, 32, 64, 128, 256)
COMPARED = 256
"""Latents whose scores are compared between precisions."""
SECONDS = 2.0
"""At least so long is each size measured."""
MOST_WORKERS = 10_000
GOOD_ENOUGH = 0.97
"""Share of the best rate; the smallest micro-batch that reaches it is chosen, since memory grows with the size."""


@dataclass(frozen=True)
class Rate:
    """How fast one micro-batch is.

    Attributes:
        stage: whose; size: samples per micro-batch.
        per_second: samples of all workers together; 0 where memory did not suffice.
    """

    stage: Stage
    size: int
    per_second: float


@dataclass(frozen=True)
class OfPrecision:
    """What another precision of the generator gives and costs, at labelling.

    Attributes:
        per_second: labels of all workers together, by precision.
        mean_apart, most_apart: of the scores of the same `COMPARED` latents in either, absolute.
    """

    per_second: Mapping[Precision, float]
    mean_apart: float
    most_apart: float

    @property
    def gain(self) -> float:
        """How many times as fast bfloat16 is."""
        return self.per_second["bfloat16"] / self.per_second["float32"]


@dataclass(frozen=True)
class Calibration:
    """What was measured: `workers` processes at once, on `device`."""

    workers: int
    device: str
    rates: tuple[Rate, ...]
    precision: OfPrecision | None = None

    def best(self, stage: Stage) -> int:
        """The smallest micro-batch within `GOOD_ENOUGH` of the fastest.

        ConfigError: no size fitted into memory.
        """
        mine = [rate for rate in self.rates if rate.stage == stage and rate.per_second > 0]
        if not mine:
            raise ConfigError(f"{stage}.micro_batch: none of those tried fitted into memory; use fewer workers")
        fastest = max(rate.per_second for rate in mine)
        return min(rate.size for rate in mine if rate.per_second >= GOOD_ENOUGH * fastest)


def calibrate(config: RunConfig, sizes: Sequence[int] | None = None, seconds: float = SECONDS) -> Calibration:
    """Measure both stages' micro-batches with the configured networks on the configured cluster.

    Edits that end at target scores are measured as edits of fixed distance: their search is the same for all sizes.

    Args:
        config: weights, attribution and workers count (several attributes: the run's own sections); the output is not
            touched. More workers than there is room for are not waited for.
        sizes: to try; None for `SIZES`, or `GPU_SIZES` where workers hold GPUs.
        seconds: for each size at least.

    Raises:
        ConfigError: as a run: weights, cluster, workers.
    """
    config = comparable(config)
    check_models(load_models(config), config)
    with cluster(config.runtime):
        crew = crew_now(config.runtime, *resources())
        hire = ray.remote(num_cpus=crew.cpus, num_gpus=crew.gpus)(_Probe)
        probes = [hire.remote(config, crew.device) for _ in range(crew.workers)]
        rates = [
            Rate(stage, size, sum(ray.get([probe.rate.remote(stage, size, seconds) for probe in probes])))
            for stage in MEASURED
            for size in sizes or (GPU_SIZES if crew.gpus else SIZES)
        ]
        found = Calibration(crew.workers, crew.device, tuple(rates))
        return replace(found, precision=_of_precision(probes, found, seconds))


def _of_precision(probes: Sequence[Any], found: Calibration, seconds: float) -> OfPrecision | None:
    """None where there is nothing to compare: one precision alone, or memory for neither or one of them."""
    fitting = [rate.size for rate in found.rates if rate.stage == "label" and rate.per_second > 0]
    if not fitting or not ray.get(probes[0].has_precisions.remote()):
        return None
    size = found.best("label")
    names: tuple[Precision, ...] = ("float32", "bfloat16")
    per_second: dict[Precision, float] = {
        name: sum(ray.get([probe.rate.remote("label", size, seconds, name) for probe in probes])) for name in names
    }
    if not all(per_second.values()):
        return None
    one, other = (ray.get(probes[0].scores.remote(COMPARED, size, name)) for name in names)
    apart = np.abs(one - other)
    return OfPrecision(per_second, float(apart.mean()), float(apart.max()))


def crew_now(runtime: RuntimeConfig, cpus: float, gpus: Sequence[float]) -> Crew:
    """As many workers as there is room for: a number beyond that would wait for nodes."""
    room = plan_crew(runtime.model_copy(update={"workers": "auto"}), cpus, gpus, units=MOST_WORKERS)
    return room if runtime.workers == "auto" else replace(room, workers=min(room.workers, runtime.workers))


def comparable(config: RunConfig) -> RunConfig:
    """The same work without what only a run knows: layer weights, scales, the scores' quartiles, its own student; of a
    run that chooses its attribution, with the first candidate."""
    if config.attribution.name == AUTO:
        config = config.with_attribution(config.attribution.candidates[0])
    plain = {"layer_weights": "equal", "scale": "sample"}
    return config.unrefined.model_copy(
        update={
            "attribution": config.attribution.model_copy(update=plain),
            "edit": config.edit.model_copy(update={"targets": None}) if config.edit.targets else config.edit,
        }
    )


class _Probe:
    """Ray actor: one worker's networks, timed."""

    def __init__(self, config: RunConfig, device: str) -> None:
        prepare_process(device, config.generator)
        self.config, self.device = config, device
        self.models = load_models(config, device)
        self.boundary = any_boundary(config, self.models)

    def rate(self, stage: Stage, size: int, seconds: float, precision: Precision | None = None) -> float:
        """Samples per second of this worker; 0 where memory did not suffice."""
        self._draw_in(precision)
        config, unit = with_micro_batch(self.config, stage, size), WorkUnit(0, 0, size)
        try:
            self._once(stage, config, unit)
            began, rounds = time.perf_counter(), 0
            while time.perf_counter() - began < seconds:
                self._once(stage, config, unit)
                rounds += 1
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return 0.0
        return rounds * size / (time.perf_counter() - began)

    def has_precisions(self) -> bool:
        """Whether the generator can be told in which precision to draw."""
        return isinstance(self.models.generator, LayeredGenerator)

    def scores(self, count: int, size: int, precision: Precision) -> FloatArray:
        """(count,) scores of the first latents."""
        self._draw_in(precision)
        return label_unit(self.models, with_micro_batch(self.config, "label", size), WorkUnit(0, 0, count))[1]

    def _draw_in(self, precision: Precision | None) -> None:
        if isinstance(self.models.generator, LayeredGenerator):
            self.models.generator.precision = precision or self.config.generator.precision

    def _once(self, stage: Stage, config: RunConfig, unit: WorkUnit) -> None:
        if stage == "label":
            label_unit(self.models, config, unit)
        else:
            attribute_unit(self.models, config, self.boundary, unit)
        if self.device == "cuda":
            torch.cuda.synchronize()


def any_boundary(config: RunConfig, models: Models) -> Boundary:
    """Edits along any direction cost the same."""
    normal = np.zeros(models.generator.w_dim, np.float32)
    normal[0] = 1
    return Boundary(normal, 0.0, "w", recommended_rows(models, config), config.attribute)
