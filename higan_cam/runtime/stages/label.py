"""Stage one on Ray Data: generate and score, fused in one actor, so that images never enter the object store.

One row is one shard. Workers commit their own shards; (index, score) rows stream to the driver, which keeps only the
extremes and a bounded, fixed set of others. With `runtime.workers: auto` Ray Data hires more actors when nodes join.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
import ray.data

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import WorkersError
from higan_cam.manipulate import Extremes, merge, select_extremes
from higan_cam.publish import decode_scores
from higan_cam.runtime.cluster.join import inner_error, resources
from higan_cam.runtime.crew.ledger import FIRST_LIMIT_S
from higan_cam.runtime.crew.watch import open_ledger
from higan_cam.runtime.plan import Crew, plan_crew, plan_label
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.workers.label import GIVEN_UP, LabelWorker
from higan_cam.store import Store, clear_quarantined, committed
from higan_cam.store.keys import SCORES
from higan_cam.store.manifest_index import index_manifest
from higan_cam.store.restart import read_whole
from higan_cam.types import FloatArray, IntArray

REST = 5_000
"""Latents outside the tails that the fit is measured on."""
HISTOGRAM_BINS = 60


@dataclass(frozen=True, eq=False)
class Labels:
    """What the driver keeps of all scores: O(tails), whatever the number of samples.

    Attributes:
        extremes: the tails.
        indices, scores: the first samples by index, enough that `REST` remain outside the tails.
        counts, edges: histogram of all finite scores over the scorer's range; where that has no bounds, of `scores`.
    """

    extremes: Extremes
    indices: IntArray
    scores: FloatArray
    counts: IntArray
    edges: FloatArray


def label_samples(config: RunConfig, store: Store, meters: Meters, score_range: tuple[float, float]) -> Labels:
    """Label what is not labelled yet; the labels of the whole run.

    Quarantined shards are left out here and reported at the end of the run.
    """
    plan = plan_label(config)
    labels, done = _Accumulator(config, score_range), {}
    for record, labelled in read_whole(store, committed(store, SCORES, config_hash(config)), decode_scores):
        labels.add(*labelled)
        done[record.shard] = record.rows
    missing = [unit.shard for unit in plan if unit.shard not in done]
    label_missing(config, missing, sum(done.values()), meters, labels.add, LabelWorker)
    clear_quarantined(store, SCORES)
    index_manifest(store, SCORES)
    return labels.result()


def label_missing(
    config: RunConfig,
    shards: list[int],
    done: int,
    meters: Meters,
    hear: Callable[[IntArray, FloatArray], None],
    worker: type[LabelWorker],
    **settings: Any,
) -> None:
    """Make the shards, and show how far that is.

    Args:
        done: samples that are labelled already.
        hear: called with indices and scores of each shard as it finishes; not of those that are given up.
        worker, settings: as of `stream_labels`.
    """
    with meters.stage("label", config.label.count, done) as meter:
        if not shards:
            return
        crew = plan_crew(config.runtime, *resources(), len(shards))
        with open_ledger(config, SCORES) as ledger:
            for indices, scores in stream_labels(config, shards, crew, ledger, worker, **settings):
                if not np.any(indices == GIVEN_UP):
                    hear(indices, scores)
                    meter.advance(len(indices))
                elif worker.quarantines:
                    meter.quarantined()


def stream_labels(
    config: RunConfig, shards: list[int], crew: Crew, ledger: Any, worker: type[LabelWorker], **settings: Any
) -> Iterator[tuple[IntArray, FloatArray]]:
    """(indices, scores) of each shard, in the order in which they finish; one row `GIVEN_UP` of one that was given up.

    Args:
        worker: makes the shards; `settings` are further arguments of its constructor.

    Raises:
        WorkersError: no worker can start.
    """
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # its own import sets another
    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = 0
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # Units that hang are the ledger's business; this is about workers that never come.
    hang_s = config.runtime.hang_timeout_s
    context.execution_no_progress_timeout_s = (
        config.runtime.start_timeout_s + 2 * (FIRST_LIMIT_S if hang_s == "auto" else hang_s)
    )  # fmt: skip
    # Blocks that exist already. A task that reads them would be a process more to start, feeds half as many shards a
    # second, and starves where actors hold every CPU.
    dataset = ray.data.from_items([{"id": shard} for shard in shards], override_num_blocks=len(shards)).map_batches(
        worker,
        fn_constructor_kwargs={"config": config, "device": crew.device, "ledger": ledger, **settings},
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=crew.workers, max_size=crew.most),
        num_gpus=crew.gpus or None,
        num_cpus=crew.cpus,
    )
    try:
        for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0):
            yield np.asarray(batch["index"], np.int64), np.asarray(batch["score"], np.float32)
    except (ray.exceptions.RayError, ray.data.exceptions.ExecutionTimeoutError) as error:
        raise inner_error(error) or WorkersError(f"label workers cannot start or go on: {error}") from error


class _Accumulator:
    """Merges score shards in any order into the same `Labels`."""

    def __init__(self, config: RunConfig, score_range: tuple[float, float]) -> None:
        self._tails = config.boundary.tails
        self._keep = 2 * self._tails + REST
        self._extremes = select_extremes([], [], self._tails)
        self._first: list[tuple[IntArray, FloatArray]] = []
        self._edges = np.linspace(*score_range, HISTOGRAM_BINS + 1) if np.isfinite(score_range).all() else None
        self._counts = np.zeros(HISTOGRAM_BINS, np.int64)

    def add(self, indices: IntArray, scores: FloatArray) -> None:
        self._extremes = merge(self._extremes, select_extremes(scores, indices, self._tails))
        early = indices < self._keep
        if early.any():
            self._first.append((indices[early], scores[early]))
        if self._edges is not None:
            finite = scores[np.isfinite(scores)]
            self._counts += np.histogram(np.clip(finite, self._edges[0], self._edges[-1]), self._edges)[0]

    def result(self) -> Labels:
        empty = (np.zeros(0, np.int64), np.zeros(0, np.float32))
        indices, scores = (np.concatenate(column) for column in zip(empty, *self._first, strict=True))
        order = np.argsort(indices)
        counts, edges = self._counts, self._edges
        if edges is None:
            counts, edges = np.histogram(scores[np.isfinite(scores)], HISTOGRAM_BINS)
        return Labels(self._extremes, indices[order], scores[order], counts, edges)


def outside_tails(labels: Labels) -> tuple[IntArray, FloatArray]:
    """The first `REST` labelled samples that are in neither tail: (n,) indices and scores."""
    tails = np.concatenate([labels.extremes.highest.indices, labels.extremes.lowest.indices])
    outside = ~np.isin(labels.indices, tails) & np.isfinite(labels.scores)
    return labels.indices[outside][:REST], labels.scores[outside][:REST]
