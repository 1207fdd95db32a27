"""What a unit of pictures is made from: the run's source, the codes of its pictures, how well its generator inverts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig, StoreConfig
    from higan_cam.errors import ConfigError
    from higan_cam.invert import Calibration
    from higan_cam.pictures import PictureSource, frozen_listing, open_pictures
    from higan_cam.pipeline.photos import UnitPictures, student_of
    from higan_cam.publish.codes import decode_codes
    from higan_cam.store import Store
    from higan_cam.store.keys import CALIBRATION_KEY, codes_path
from higan_cam.types import PictureCode


def read_codes(config: RunConfig, store: Store, shard: int) -> tuple[PictureCode, ...] | None:
    """The committed codes of a unit of pictures; None on latents. StoreError: they are not there, or not whole."""
    return decode_codes(store.get(codes_path(shard))) if config.source.kind == "pictures" else None


def codes_of_pictures(config: RunConfig, store: Store, indices: Iterable[int]) -> list[PictureCode]:
    """The codes of these pictures of a run, in rising order.

    Raises:
        ConfigError: a number that no picture of the run has, or a picture without a code, and why.
        StoreError: their shards are not there, or not whole.
    """
    asked, size, count = sorted(set(indices)), config.mask.shard_size, config.mask.count
    if asked and asked[-1] >= count:
        raise ConfigError(f"picture {asked[-1]}: the run has {count}, from 0 to {count - 1}")
    shards = {shard: read_codes(config, store, shard) or () for shard in sorted({index // size for index in asked})}
    rows = {code.index: code for codes in shards.values() for code in codes}
    for index in asked:
        if rows[index].status == "unreadable":
            raise ConfigError(
                f"picture {index}, {rows[index].key}: it has no code ({rows[index].reason}); leave it out"
            )
    return [rows[index] for index in asked]


def unit_pictures(config: RunConfig, store: Store, shard: int) -> UnitPictures | None:
    """The pictures of a unit and their codes; None on latents. StoreError: as `read_codes`, or no such source."""
    codes = read_codes(config, store, shard)
    return None if codes is None else UnitPictures(codes, pictures_of(config, store).read, student_of(config))


def pictures_of(config: RunConfig, store: Store) -> PictureSource:
    """Where the run's pictures are read from; an archive is opened once per process."""
    return _opened(frozen_listing(store).place, config.source.column, config.source.background, config.store)


@lru_cache(maxsize=1)
def _opened(pictures: str, column: str | None, background: tuple[int, int, int], store: StoreConfig) -> PictureSource:
    return open_pictures(pictures, store, column=column, background=background)


def read_calibration(store: Store) -> Calibration | None:
    """The run's calibration; None before it has one."""
    body = store.find(CALIBRATION_KEY)
    return None if body is None else Calibration.of_json(json.loads(body))
