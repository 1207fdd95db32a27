"""Reading a finished (or half-finished) run back from the store, for the report and the dataset card.

Pictures and figures come from the published files, not from memory: what the report shows is what was written.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.reading import MAX_SHARDS, first_to_last, read_batches, read_shard, shard_errors
from higan_cam.publish.report.content import SampleView, StageTiming
from higan_cam.store import Store, committed
from higan_cam.store.keys import DATA, STAGE_NAMES, split_of, stats_prefix
from higan_cam.types import ByteArray, Ellipse, FloatArray, Region, ShardRecord

SHOWN = 32
_FIGURES = (
    "index",
    "score",
    "score_negative",
    "score_positive",
    "retention",
    "necessity",
    "retention_random",
    "necessity_random",
    "retention_second",
    "necessity_second",
    "coverage",
    "status",
    "reason",
)
_SCALARS = ("id", "index", "score", "score_negative", "score_positive", "retention", "necessity", "coverage")
_SHOWN_COLUMNS = (
    *_SCALARS,
    *("original", "negative", "image", "heat", "conditioning_image", "regions", "status", "reason"),
)


@dataclass(frozen=True, eq=False)
class Figures:
    """Scalar columns of the read shards, and sums of their masks and heat maps.

    Attributes:
        columns: {name: (n,) values}.
        region_counts: (n,) regions per sample.
        region_areas: (m,) share of the picture of each region.
        mean_mask, mean_heat: (H,W) and (h,w) averages over the shown shard's samples.
        rows: {split: samples} of the whole run; sizes: {split: bytes}.
        shards_read, shards: how many of how many shards the columns cover.
    """

    columns: dict[str, Any]
    region_counts: FloatArray
    region_areas: FloatArray
    mean_mask: FloatArray
    mean_heat: FloatArray
    rows: dict[str, int]
    sizes: dict[str, int]
    shards_read: int
    shards: int


def read_figures(config: RunConfig, store: Store) -> tuple[Figures, list[SampleView]] | None:
    """The run's figures and the samples to show (the first ones); None where no data shard is committed.

    Raises:
        StoreError: a shard cannot be read.
    """
    found = committed(store, DATA, config_hash(config))
    records = {shard: record for shard, record in found.items() if record.rows}  # pictures may all be unreadable
    if not records:
        return None
    chosen = first_to_last(sorted(records), MAX_SHARDS)
    tables = [read_shard(store, records[shard], (*_FIGURES, "regions")) for shard in chosen]
    columns = {name: np.concatenate([table[name].to_numpy() for table in tables]) for name in _FIGURES}
    regions = [row for table in tables for row in table["regions"].to_pylist()]
    views = _views(store, records[chosen[0]])
    side = views[0].mask.shape[0]
    figures = Figures(
        columns=columns,
        region_counts=np.array([len(row) for row in regions], np.float64),
        region_areas=np.array([region["area"] / side**2 for row in regions for region in row], np.float64),
        mean_mask=np.mean([view.mask / 255 for view in views], axis=0),
        mean_heat=np.mean([view.heat for view in views], axis=0),
        rows=_per_split((record, record.rows) for record in records.values()),
        sizes=_per_split((record, record.bytes) for record in records.values()),
        shards_read=len(chosen),
        shards=len(records),
    )
    return figures, views


def read_timings(store: Store, walls: Mapping[str, tuple[float, int]]) -> tuple[StageTiming, ...]:
    """Per stage: wall seconds and workers where this process did all of it; rows and units from the shards' stats."""
    timings = []
    for stage, name in STAGE_NAMES.items():
        stats = [json.loads(body) for body in store.find_many(store.list(stats_prefix(stage))).values()]
        rows = sum(int(entry["rows"]) for entry in stats)
        busy = sum(float(entry["seconds"]) for entry in stats)
        # Without the wall time of one uninterrupted pass, the workers' own seconds, as one worker would have taken.
        seconds, workers = walls.get(name, (busy, 1))
        if stats:
            timings.append(StageTiming(name, seconds, rows, len(stats), workers))
    return tuple(timings)


def reasons(figures: Figures) -> dict[str, int]:
    """{reason: samples} of the empty ones."""
    empty = figures.columns["status"] == "empty"
    return dict(Counter(str(reason) for reason in figures.columns["reason"][empty]))


def _per_split(amounts: Iterable[tuple[ShardRecord, int]]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for record, amount in amounts:
        totals[split_of(record.path)] += amount
    return dict(totals)


def _views(store: Store, record: ShardRecord) -> list[SampleView]:
    """The first samples of a shard."""
    rows = next(read_batches(store, record, _SHOWN_COLUMNS, SHOWN))
    with shard_errors(store, record):
        return [_view(row) for row in rows]


def _view(row: dict[str, Any]) -> SampleView:
    # What is null in a shard is a number that nobody knows.
    known: dict[str, Any] = {name: math.nan if row[name] is None else row[name] for name in _SCALARS}

    def image(name: str) -> ByteArray:
        return decode_image(row[name]["bytes"])

    return SampleView(
        original=image("original"),
        negative=image("negative"),
        positive=image("image"),
        heat=decode_heat(row["heat"]["bytes"]),
        mask=image("conditioning_image"),
        regions=tuple(_region(region) for region in row["regions"]),
        status=row["status"],
        reason=row["reason"],
        **known,
    )


def _region(row: dict[str, Any]) -> Region:
    pairs = {name: tuple(row[name]) for name in ("centroid", "peak", "bbox")}
    return Region(**{**row, **pairs, "ellipse": Ellipse(**row["ellipse"])})
