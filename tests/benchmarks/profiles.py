"""Where the processor's time goes in one unit of each stage: by phase, and within the networks by kind of operation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.profiler import ProfilerActivity, profile

from higan_cam.config import RunConfig, parse_config
from higan_cam.pipeline import attribute_unit, label_and_fit, label_unit, load_models
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.publish import encode_scores, encode_shard
from higan_cam.types import WorkUnit
from tests.benchmarks.timing import cpu_seconds

SAMPLES = 96
KINDS = {
    "convolutions": re.compile("conv"),
    "matrix products": re.compile("mm$|matmul|addmm|linear"),
    "copies, layout": re.compile("copy|contiguous|clone|cat|empty|_to_copy|fill|zero|pad"),
    "reductions": re.compile("sum|mean|max|min|sort|norm|quantile"),
    "pointwise": re.compile("."),
}
"""First match counts."""


@dataclass(frozen=True)
class ProfileRow:
    """One phase, or within a phase one kind of PyTorch operation.

    Attributes:
        stage: label or mask; what: phase, or "phase: kind".
        milliseconds: of one core, per sample; share: of the whole unit, 0 to 1.
    """

    stage: str
    what: str
    milliseconds: float
    share: float


def measure_profiles() -> list[ProfileRow]:
    """Both stages with the embedded networks, one thread, a unit of 96 samples after one to warm up."""
    config = parse_config({"label": {"count": 600}, "boundary": {"tails": 60}, "mask": {"count": 600}})
    return [*_rows("label", _label_phases(config)), *_rows("mask", _mask_phases(config))]


def profile_table(rows: list[ProfileRow]) -> Any:
    """For a terminal."""
    from rich.table import Table

    table = Table("stage", "what", "ms per sample", "share", title="Where a unit's time goes", box=None)
    for row in rows:
        table.add_row(row.stage, row.what, f"{row.milliseconds:.2f}", f"{row.share:.1%}")
    return table


Phases = dict[str, Callable[[], Any]]


def _label_phases(config: RunConfig) -> Phases:
    models, unit = load_models(config), WorkUnit(0, 0, SAMPLES)
    labelled = label_unit(models, config, unit)
    return {
        "generate and score": lambda: label_unit(models, config, unit),
        "encode": lambda: encode_scores(*labelled),
    }


def _mask_phases(config: RunConfig) -> Phases:
    models, unit = load_models(config), WorkUnit(0, 0, SAMPLES)
    boundary = label_and_fit(models, config)
    heat = attribute_unit(models, config, boundary, unit)
    samples = mask_samples(models.scorer, config, heat)
    return {
        "edit and heat maps": lambda: attribute_unit(models, config, boundary, unit),
        "regions, figures, captions": lambda: mask_samples(models.scorer, config, heat),
        "encode (PNG, Parquet)": lambda: encode_shard(samples, config.publish.row_group),
    }


def _rows(stage: str, phases: Phases) -> list[ProfileRow]:
    seconds = {name: cpu_seconds(work, times=2) for name, work in phases.items()}
    whole = sum(seconds.values())
    rows = []
    for name, work in phases.items():
        rows.append(_row(stage, name, seconds[name], whole))
        kinds = _kinds(work)
        # The profiler slows its process down; a phase's parts are not more than the phase took without it.
        scale = min(1.0, seconds[name] / max(sum(kinds.values()), 1e-9))
        parts = [_row(stage, f"  {name}: {kind}", scale * spent, whole) for kind, spent in kinds.most_common()]
        rows += [part for part in parts if part.share > 0.01]
    return rows


def _row(stage: str, what: str, seconds: float, whole: float) -> ProfileRow:
    return ProfileRow(stage, what, 1e3 * seconds / SAMPLES, seconds / whole)


def _kinds(work: Callable[[], Any]) -> Counter[str]:
    """Seconds inside PyTorch's operations, by kind."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        work()
    found: Counter[str] = Counter()
    for event in seen.key_averages():
        kind = next(kind for kind, pattern in KINDS.items() if pattern.search(event.key))
        found[kind] += event.self_cpu_time_total / 1e6
    return found
