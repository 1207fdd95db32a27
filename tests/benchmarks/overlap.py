"""Is a unit better finished (regions, figures, PNG) in a thread or in a process, beside what feeds a GPU?

Who feeds a GPU launches many small operations, and each takes Python's lock twice. Here they are additions to one
number, which take about as long as a launch does; beside them nothing, a thread or a process finishes unit after unit.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

import torch

from higan_cam.config import RunConfig, parse_config
from higan_cam.label import make_scorer
from higan_cam.pipeline import HeatBatch, attribute_unit, label_and_fit, load_models
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.publish import encode_shard
from higan_cam.types import WorkUnit

SAMPLES, SECONDS, REPEATS, AT_ONCE = 16, 5.0, 3, 100


@dataclass(frozen=True)
class OverlapRow:
    """What one core launches, and what is finished beside it.

    Attributes:
        beside: nothing, a thread or a process.
        launches: thousands a second, once for each repeat.
        samples: finished a second, once for each repeat.
    """

    beside: str
    launches: tuple[float, ...]
    samples: tuple[float, ...]


def measure_overlap() -> list[OverlapRow]:
    """The embedded networks' units of 16 samples; the three ways in turn, 5 s each."""
    config = parse_config({"label": {"count": 600}, "boundary": {"tails": 60}, "mask": {"count": 600}})
    models = load_models(config)
    batch = attribute_unit(models, config, label_and_fit(models, config), WorkUnit(0, 0, SAMPLES))
    with ThreadPoolExecutor(1) as thread, ProcessPoolExecutor(1, get_context("spawn")) as process:
        ways: dict[str, Executor | None] = {"nothing": None, "a thread": thread, "a process": process}
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for idle in (thread, process):
            idle.submit(finish, config, batch).result()
        for _ in range(REPEATS):
            for name, pool in ways.items():
                seen[name].append(_beside(pool, config, batch))
    return [OverlapRow(name, *zip(*rates, strict=True)) for name, rates in seen.items()]


def overlap_table(rows: list[OverlapRow]) -> Any:
    """For a terminal."""
    from rich.table import Table

    title = "What one core launches, and another finishes: median (min to max)"
    table = Table("beside", "launches, 1000/s", "samples/s", title=title, box=None)
    for row in rows:
        table.add_row(row.beside, _spread(row.launches), _spread(row.samples))
    return table


def finish(config: RunConfig, batch: HeatBatch) -> int:
    """What the mask stage's CPU task does with a unit, but for the commit: the number of bytes."""
    torch.set_num_threads(1)
    return len(encode_shard(mask_samples(make_scorer(config.scorer), config, batch), config.publish.row_group))


def _beside(pool: Executor | None, config: RunConfig, batch: HeatBatch) -> tuple[float, float]:
    """Thousands of launches and samples, a second."""
    number, launched, finished = torch.zeros(1), 0, 0
    future: Future[int] | None = pool.submit(finish, config, batch) if pool else None
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        for _ in range(AT_ONCE):
            number.add_(1.0)
        launched += AT_ONCE
        if pool and future and future.done():
            future.result()  # raises what went wrong
            finished += SAMPLES
            future = pool.submit(finish, config, batch)
    seconds = time.monotonic() - began
    if future:
        future.result()
    return launched / seconds / 1e3, finished / seconds


def _spread(values: tuple[float, ...]) -> str:
    return f"{median(values):.0f} ({min(values):.0f} to {max(values):.0f})"
