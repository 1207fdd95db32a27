"""Stage one on Ray Data: generate and score, fused in one actor, so that images never enter the object store.

One row is one shard. Workers commit their own shards; (index, score) rows stream to the driver, which keeps only the
extremes and a bounded, fixed set of others. With `runtime.workers: auto` Ray Data hires more actors when nodes join.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import ray
import ray.data

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import WorkersError
from higan_cam.publish import decode_scores
from higan_cam.runtime.cluster.join import inner_error, resources
from higan_cam.runtime.crew.ledger import FIRST_LIMIT_S
from higan_cam.runtime.crew.watch import open_ledger
from higan_cam.runtime.plan import Crew, plan_crew, plan_label
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.score_tally import Labels, ScoreTally
from higan_cam.runtime.workers.label import GIVEN_UP, LabelWorker
from higan_cam.store import Store, clear_quarantined, committed
from higan_cam.store.keys import SCORES, TALLY_KEY
from higan_cam.store.manifest_index import TICK_S, WORTH_IT, index_manifest
from higan_cam.store.restart import read_whole, untouched
from higan_cam.types import FloatArray, IntArray

KEPT_EVERY = WORTH_IT
"""Shards after which the tally is kept again (for which it waits a tick of the place's clock), and from which on it is:
a start then reads those since, at most."""


def label_samples(config: RunConfig, store: Store, meters: Meters, score_range: tuple[float, float]) -> Labels:
    """Label what is not labelled yet; the labels of the whole run.

    Quarantined shards are left out here and reported at the end of the run.
    """
    tally, kept = _counted(config, store, score_range)
    missing = [unit.shard for unit in plan_label(config) if unit.shard not in tally.rows]

    def hear(indices: IntArray, scores: FloatArray) -> None:
        tally.add(int(indices[0]) // config.label.shard_size, indices, scores)
        if len(tally.rows) % KEPT_EVERY == 0:
            _keep(store, tally, meters)

    label_missing(config, missing, sum(tally.rows.values()), meters, hear, LabelWorker)
    clear_quarantined(store, SCORES)
    index_manifest(store, SCORES)
    if kept < len(tally.rows) >= KEPT_EVERY:
        _keep(store, tally, meters)
    return tally.result()


def _keep(store: Store, tally: ScoreTally, meters: Meters) -> None:
    """Write the tally down, later than anything in it by the place's own clock.

    Raises:
        LeaseLostError: another driver has taken over, whose tally this one would hide.
    """
    time.sleep(TICK_S)
    meters.check()
    store.put(TALLY_KEY, tally.encode())


def _counted(config: RunConfig, store: Store, score_range: tuple[float, float]) -> tuple[ScoreTally, int]:
    """The shards that are there, and how many of them stood in the tally that was kept: the others are read."""
    there = committed(store, SCORES, config_hash(config))
    tally, body = ScoreTally(config, score_range), store.find(TALLY_KEY) if len(there) >= KEPT_EVERY else None
    if body is not None and tally.restore(body):
        records = {shard: there[shard] for shard in tally.rows if shard in there}
        if tally.rows.keys() != untouched(store, SCORES, records, since=TALLY_KEY).keys():
            tally = ScoreTally(config, score_range)  # one of them is gone or was written again: which scores are in it?
    kept = len(tally.rows)
    unread = {shard: record for shard, record in there.items() if shard not in tally.rows}
    for record, labelled in read_whole(store, unread, decode_scores):
        tally.add(record.shard, *labelled)
    return tally, kept


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
                    meter.advance(len(indices))
                    hear(indices, scores)
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
