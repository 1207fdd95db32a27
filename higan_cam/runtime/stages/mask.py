"""Stage three: edited pairs, heat maps, regions and masks, one dataset shard a unit.

With GPUs an actor computes images and heat maps and is free again while a CPU task finds regions, encodes and commits.
"""

from __future__ import annotations

from higan_cam.config import RunConfig, config_hash
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.pool import Task, make_shards
from higan_cam.runtime.workers.mask import MaskWorker, finish_unit
from higan_cam.store import Store, committed
from higan_cam.store.keys import CODES, DATA
from higan_cam.types import Boundary


def make_masks(config: RunConfig, store: Store, boundary: Boundary, meters: Meters) -> None:
    """Make and commit every mask shard that is not committed yet; of pictures, those whose codes are there."""
    possible = committed(store, CODES, config_hash(config)) if config.source.kind == "pictures" else None
    make_shards(config, store, mask_task(boundary), plan_mask(config), meters, possible)


def mask_task(boundary: Boundary) -> Task:
    """What masking actors do."""
    return Task(stage=DATA, worker=MaskWorker, arguments=(boundary,), finish=finish_unit)
