"""What a unit of pictures is made from: the run's source, the codes of its pictures, how well its generator inverts."""

from __future__ import annotations

import json
from functools import lru_cache

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.config import RunConfig, StoreConfig
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
