"""What Ray costs: each stage through the runtime with one worker, against a bare loop over the same units.

Steady state: the first unit through Ray (start of the cluster, the actor and the networks) is not counted; the rest is
timed from the commit of the first to that of the last. The bare loop does the unit's whole work on one thread of this
process, without a store and without Ray. Wall clock, both sides in turn, so other load on the machine shows; the share
of that time that the shards' own stats account for hardly depends on it and stands in the note.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.pipeline import Models, attribute_unit, label_and_fit, label_unit, load_models
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.publish import encode_scores, encode_shard
from higan_cam.runtime.cluster.join import cluster
from higan_cam.runtime.preflight import weights_digests
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.label import label_samples
from higan_cam.runtime.stages.mask import make_masks
from higan_cam.store import begin_run, committed, open_store
from higan_cam.store.keys import DATA, SCORES
from higan_cam.types import Boundary, WorkUnit
from tests.benchmarks.timing import SpeedRow

UNITS = 5
SECONDS_PER_UNIT = 5.0
"""Wanted; shards are sized for it."""


def ray_rows(repeats: int = 3) -> list[SpeedRow]:
    """Labelling and masking."""
    small = parse_config({"label": {"count": 600}, "boundary": {"tails": 60}, "mask": {"count": 600}})
    models = load_models(small)
    boundary = label_and_fit(models, small)
    with tempfile.TemporaryDirectory() as folder, cluster(small.runtime):
        return [_label_row(models, Path(folder), repeats), _mask_row(models, boundary, Path(folder), repeats)]


def _label_row(models: Models, folder: Path, repeats: int) -> SpeedRow:
    def bare(config: RunConfig, unit: WorkUnit) -> object:
        return encode_scores(*label_unit(models, config, unit))

    def through_ray(config: RunConfig) -> tuple[float, float]:
        store = open_store(config.output)
        begin_run(store, config, weights_digests(config))
        label_samples(config, store, Meters(Console(quiet=True)), models.scorer.score_range)
        return _steady_state(config, SCORES)

    share = "the worker was at work {:.1%} of the time"
    return _compare("labelling, one worker", "label", bare, through_ray, folder, repeats, share)


def _mask_row(models: Models, boundary: Boundary, folder: Path, repeats: int) -> SpeedRow:
    def bare(config: RunConfig, unit: WorkUnit) -> object:
        samples = mask_samples(models.scorer, config, attribute_unit(models, config, boundary, unit))
        return encode_shard(samples, config.publish.row_group)

    def through_ray(config: RunConfig) -> tuple[float, float]:
        store = open_store(config.output)
        begin_run(store, config, weights_digests(config))
        make_masks(config, store, boundary, Meters(Console(quiet=True)))
        return _steady_state(config, DATA)

    share = "attribution, regions and quality took {:.1%} of the time; the rest is encoding, commit and Ray"
    return _compare("masking, one worker", "mask", bare, through_ray, folder, repeats, share)


def _compare(
    name: str,
    stage: str,
    bare: Callable[[RunConfig, WorkUnit], object],
    through_ray: Callable[[RunConfig], tuple[float, float]],
    folder: Path,
    repeats: int,
    share: str,
) -> SpeedRow:
    size = _unit_size(stage, bare)
    loops: list[float] = []
    runs: list[tuple[float, float]] = []
    for repeat in range(repeats):
        config = _config(stage, size, folder / f"{stage}-{repeat}")
        if repeat % 2 == 0:
            loops.append(_bare_seconds(bare, config, size))
        runs.append(through_ray(config))
        if repeat % 2 == 1:
            loops.append(_bare_seconds(bare, config, size))
    ratios = tuple(loop / run for loop, (run, _) in zip(loops, runs, strict=True))
    ours, busy = (float(value) for value in np.median(runs, axis=0))
    other = float(np.median(loops))
    note = f"units of {size} samples; seconds are per unit, wall clock; {share.format(busy)}"
    return SpeedRow(name, ratios, ours, other, "through Ray / bare loop, units per second", 0.97, ">=", note)


def _unit_size(stage: str, bare: Callable[[RunConfig, WorkUnit], object]) -> int:
    """Samples that take about `SECONDS_PER_UNIT`, in whole micro-batches of 16."""
    probe, config = 64, _config(stage, 64, Path("unused"))
    bare(config, WorkUnit(0, 0, 16))
    began = time.perf_counter()
    bare(config, WorkUnit(0, 0, probe))
    return 16 * max(1, round(SECONDS_PER_UNIT / (time.perf_counter() - began) * probe / 16))


def _bare_seconds(bare: Callable[[RunConfig, WorkUnit], object], config: RunConfig, size: int) -> float:
    began = time.perf_counter()
    for number in range(1, UNITS):
        bare(config, WorkUnit(number, number * size, (number + 1) * size))
    return (time.perf_counter() - began) / (UNITS - 1)


def _steady_state(config: RunConfig, stage: str) -> tuple[float, float]:
    """Mean time from one unit's commit to the next, and the share of it that the shards' stats account for."""
    records = committed(open_store(config.output), stage, config_hash(config))
    if len(records) != UNITS:
        raise ValueError(f"{len(records)} of {UNITS} units of stage {stage} were committed")
    output = Path(config.output)
    times = {shard: (output / record.path).stat().st_mtime for shard, record in records.items()}
    first, *rest = sorted(times, key=lambda shard: times[shard])
    elapsed = times[rest[-1]] - times[first]
    stats = [json.loads((output / f"stats/{stage}-{shard:05d}.json").read_text()) for shard in rest]
    return elapsed / len(rest), sum(float(entry["seconds"]) for entry in stats) / elapsed


def _config(stage: str, size: int, output: Path) -> RunConfig:
    count = UNITS * size
    label, mask = (count, 1) if stage == "label" else (count, count)
    return parse_config(
        {
            "output": str(output),
            "label": {"count": label, "shard_size": size},
            "boundary": {"tails": 2},
            "mask": {"count": mask, "shard_size": size},
            "runtime": {"workers": 1},
        }
    )
