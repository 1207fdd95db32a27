"""Of a run on pictures: the listing, once, and a code for each picture of it, one shard of codes a unit."""

from __future__ import annotations

import ray

from higan_cam.config import RunConfig
from higan_cam.pictures import freeze_listing
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.pool import Task, make_shards
from higan_cam.runtime.workers.invert import InvertWorker, calibrate_here
from higan_cam.store import Store
from higan_cam.store.canonical import canonical_json
from higan_cam.store.keys import CALIBRATION_KEY, CODES
from higan_cam.store.run import with_count


def with_listing(config: RunConfig, store: Store) -> RunConfig:
    """The configuration with as many samples as the run's pictures, which are listed now if they never were.

    Raises:
        ConfigError: there are no pictures.
    """
    if config.source.kind == "pictures":
        freeze_listing(store, str(config.source.pictures), config.store, config.source.column)
    return with_count(config, store)


def invert_pictures(config: RunConfig, store: Store, meters: Meters) -> None:
    """Make and commit every shard of codes that is not committed yet; units are those of the mask stage."""
    asked = "auto" in (config.invert.min_psnr, config.invert.max_feature_distance)
    if asked and store.find(CALIBRATION_KEY) is None:
        found = ray.get(ray.remote(num_cpus=1)(calibrate_here).remote(config))
        store.put_new(CALIBRATION_KEY, canonical_json(found.to_json()))
    make_shards(config, store, Task(stage=CODES, worker=InvertWorker), plan_mask(config), meters)
