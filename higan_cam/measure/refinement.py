"""A refined run's masks beside those of its pilot, on samples that the student has not learned from.

Neither is the truth; retention and necessity say how much of the score's change each holds, as every sample says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from higan_cam.config import RunConfig, config_hash
from higan_cam.measure.values import estimate_means
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import read_shard, shard_errors
from higan_cam.publish.refined import RefinedRow, RefinedView
from higan_cam.publish.splits import held_out_of_pilot
from higan_cam.rooms.localisation import iou
from higan_cam.store import Store, committed
from higan_cam.store.keys import DATA, PILOT
from higan_cam.store.run import recorded_student, with_choice
from higan_cam.types import BoolArray, Interval, ShardRecord

FIGURES = ("retention", "necessity", "retention_second", "necessity_second", "coverage")
MOST_SHARDS = 16
"""Held-out shards that are read, from the first."""
_COLUMNS = ("index", "status", "conditioning_image", *FIGURES)


@dataclass(frozen=True, eq=False)
class _Sample:
    figures: dict[str, float]
    mask: BoolArray


def compare_masks(config: RunConfig, store: Store) -> RefinedView | None:
    """Both masks of the held-out samples of the pilot; None in a run that is not refined, and before it has both.

    Raises:
        StoreError: a shard cannot be read.
    """
    sha256 = recorded_student(store) if config.mask.refine is not None else None
    pairs = list(_pairs(config, store)) if sha256 is not None else []
    if sha256 is None or not pairs:
        return None
    masked = np.array([[one.mask.any() for one in pair] for pair in pairs]).sum(axis=0).tolist()
    return RefinedView(
        attribution=with_choice(config, store).attribution.name,
        pilot=config.mask.pilot,
        sha256=sha256,
        compared=len(pairs),
        with_mask=dict(zip(("pilot", "refined"), masked, strict=True)),
        overlap=_overlap(pairs),
        rows=tuple(_rows(pairs)),
    )


def _pairs(config: RunConfig, store: Store) -> Iterator[tuple[_Sample, _Sample]]:
    """(pilot, refined) of every held-out sample that both have. Shard k of both holds the same samples."""
    ours = config_hash(config)
    pilot, refined = committed(store, PILOT, ours), committed(store, DATA, ours)
    held_out = held_out_of_pilot(-(-config.mask.pilot // config.mask.shard_size))
    for shard in [number for number in held_out if number in pilot and number in refined][:MOST_SHARDS]:
        before, after = _samples(store, pilot[shard]), _samples(store, refined[shard])
        yield from ((before[index], after[index]) for index in sorted(before.keys() & after.keys()))


def _samples(store: Store, record: ShardRecord) -> dict[int, _Sample]:
    with shard_errors(store, record):
        return {row["index"]: _sample(row) for row in read_shard(store, record, _COLUMNS).to_pylist()}


def _sample(row: dict[str, Any]) -> _Sample:
    known = {name: row[name] for name in FIGURES if row["status"] == "ok" and row[name] is not None}
    return _Sample(known, decode_image(row["conditioning_image"]["bytes"]) > 0)


def _overlap(pairs: list[tuple[_Sample, _Sample]]) -> Interval | None:
    some = [(before.mask, after.mask) for before, after in pairs if before.mask.any() or after.mask.any()]
    if not some:
        return None
    left, right = (np.stack(masks) for masks in zip(*some, strict=True))
    return estimate_means({"iou": iou(left, right)}, seed=0)["iou"]


def _rows(pairs: list[tuple[_Sample, _Sample]]) -> Iterator[RefinedRow]:
    for name in FIGURES:
        both = [
            (before.figures[name], after.figures[name])
            for before, after in pairs
            if np.isfinite([before.figures.get(name, np.nan), after.figures.get(name, np.nan)]).all()
        ]
        if both:
            pilot, refined = np.array(both).T
            means = estimate_means({"pilot": pilot, "refined": refined, "gain": refined - pilot}, seed=0)
            yield RefinedRow(name, **means, samples=len(both))
