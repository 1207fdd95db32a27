"""A command that asks nothing but pictures: no generator, no scorer, no boundary.

The same engine as a run's: claimed output, lease, frozen listing, shards committed exactly once, the same command goes
on from what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rich.console import Console

from higan_cam.config import RunConfig, config_hash
from higan_cam.pictures import check_pictures
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.cluster.join import cluster
from higan_cam.runtime.cluster.reach import check_reachable
from higan_cam.runtime.plan import plan_listed
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.run import Outcome
from higan_cam.runtime.stages.invert import with_listing
from higan_cam.runtime.stages.pool import Task, make_shards
from higan_cam.store import Lease, Store, begin_run, open_store
from higan_cam.store.keys import STAGE_NAMES
from higan_cam.store.manifest import quarantine_lines


def on_listed_pictures(
    config: RunConfig,
    task: Task,
    digests: Mapping[str, str],
    report: Callable[[RunConfig, Store], None],
    console: Console,
    head: Head | None,
    *,
    prepare: Callable[[Store], None] | None = None,
    gpus: bool = False,
) -> Outcome:
    """Every picture of `config.source` through the task, and a report.

    Args:
        digests: {role: sha256} of what makes the shards, for run.json.
        prepare: writes what the task's actors need, once the output is ours.
        gpus: actors take the GPUs that the run has, else none.

    Raises:
        HiganCamError: configuration or store problems; what is already written stays.
        LeaseHeldError: another driver is at work on this output.
    """
    if head is None:
        check_reachable(config.runtime)
    store = open_store(config.output, config.store)
    config = config.model_copy(update={"output": store.uri})
    if config.source.kind == "pictures":
        check_pictures(store, str(config.source.pictures), config.store, config.source.column)
    begin_run(store, config, dict(digests))
    lease = Lease(store, config.runtime.lease_s, config.runtime.lease_wait_s)
    meters = Meters(console, lease.check, config_hash(config)[:12])
    outcome, began, name = Outcome(store), time.monotonic(), STAGE_NAMES[task.stage]
    with lease.held(meters.snapshot):
        config = with_listing(config, store)
        if prepare is not None:
            prepare(store)
        own = config.runtime if gpus else config.runtime.model_copy(update={"gpus_per_worker": 0})
        with cluster(config.runtime, head):
            make_shards(config.model_copy(update={"runtime": own}), store, task, plan_listed(config), meters)
        lease.check()
        report(config, store)
        outcome.seconds[name] = time.monotonic() - began
        outcome.samples[name] = meters.tallies[name].done
        outcome.problems = quarantine_lines(store)
    return outcome
