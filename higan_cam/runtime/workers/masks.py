"""What `higan-cam light` begins with where masks are given: where the lamp is in each picture, by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

import cv2
import numpy as np

from higan_cam.config import StoreConfig, config_hash
from higan_cam.errors import ConfigError, DataError
from higan_cam.pictures import PictureRow, Unreadable, list_pictures, open_pictures
from higan_cam.pipeline.inverting import Read
from higan_cam.pipeline.lights import answer_of_mask
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import fingerprint, read_batches, shard_errors
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.workers.inputs import read_codes
from higan_cam.store import Store, committed, open_store
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import DATA, PLACES, RUN_KEY, STAGE_NAMES
from higan_cam.store.run import listed_stage, recorded_config
from higan_cam.types import ByteArray, Recommendation, ShardRecord

_SHOWN = 5
_KEY, _MASK = "picture_key", "picture_mask"
_BLACK = (0, 0, 0)
_ROW = re.compile(r"\.(parquet|pq)#\d+$", re.IGNORECASE)


class FolderMasks:
    """Pictures of masks, white where the lamp is, whose names without endings are those of the pictures.

    Raises:
        ConfigError: no such place, or a name twice.
    """

    def __init__(self, place: str, config: StoreConfig) -> None:
        self._rows = dict[str, PictureRow]()
        with named_masks():
            self._source = open_pictures(place, config, background=_BLACK)  # where it is transparent there is no lamp
            listed = list(list_pictures(place, config))
        for row in listed:
            earlier = self._rows.setdefault(_stem(row.key), row)
            if earlier is not row:
                raise ConfigError(f"light.masks: {place}: {earlier.key} and {row.key} are one name; rename one")

    @property
    def fingerprint(self) -> str:
        """sha256 over names and contents: others are another one."""
        return digest(canonical_json([[row.key, row.etag] for row in self._rows.values()]))

    def lacking(self, keys: Iterable[str]) -> list[str]:
        """The pictures that have no mask."""
        return [key for key in keys if _stem(key) not in self._rows]

    def masks(self, rows: Sequence[PictureRow]) -> Iterator[ByteArray | str]:
        """(H,W) uint8 of each of these pictures, in order, or why there is none."""
        for row in rows:
            mine = self._rows[_stem(row.key)]
            found = self._source.read(mine)
            yield f"mask {mine.key}: {found.reason}" if isinstance(found, Unreadable) else _grey(found.image)


class RecordedMasks:
    """The masks in an output of `higan-cam recommend`, or of a run on pictures, at the pictures' own size.

    Raises:
        StoreError: a store that cannot be read.
        ConfigError: a run on latents, which has no pictures, or an output of another command, which has no masks.
        DataError: it is not finished.
    """

    def __init__(self, store: Store) -> None:
        self._store, asked = store, recorded_config(store)
        if asked.source.kind != "pictures":
            raise ConfigError(
                f"light.masks: {store.uri} is a run on latents, whose masks are of no picture of yours; name a folder "
                "of masks, an output of `recommend`, or a run on pictures"
            )
        stage = listed_stage(store) or DATA
        if stage not in (DATA, PLACES):
            raise ConfigError(
                f"light.masks: {store.uri} is an output of `{STAGE_NAMES[stage]}`, which has no masks; name a folder "
                "of masks, an output of `recommend`, or a run on pictures"
            )
        found, units = committed(store, stage, config_hash(asked)), plan_mask(asked)
        if len(found) < len(units):
            command = "run" if stage == DATA else "recommend"
            raise DataError(
                f"light.masks: {store.uri} has masks of {len(found)} of {len(units)} units; the same `{command}` goes "
                "on to the end"
            )
        self._records = [found[shard] for shard in sorted(found)]
        self._where = {
            row[_KEY]: record
            for record in self._records
            for batch in read_batches(store, record, [_KEY], 1024)
            for row in batch
        }
        # A run has no row for a photo that it could not read; why, its codes say.
        short = [unit.shard for unit in units if found[unit.shard].rows < len(unit.indices)] if stage == DATA else []
        self._unread = {
            code.key: f"the run could not read it: {code.reason}"
            for shard in short
            for code in read_codes(asked, store, shard) or ()
            if code.key not in self._where
        }

    @property
    def fingerprint(self) -> str:
        """sha256 over the shards: others are another one."""
        return fingerprint(self._records)

    def lacking(self, keys: Iterable[str]) -> list[str]:
        """The pictures that it says nothing of."""
        return [key for key in keys if key not in self._where and key not in self._unread]

    def masks(self, rows: Sequence[PictureRow]) -> Iterator[ByteArray | str]:
        """As `FolderMasks.masks`; a picture that was unreadable there, or in which no place was found, has a reason."""
        wanted = {row.key for row in rows} - self._unread.keys()
        records = {self._where[key].path: self._where[key] for key in wanted}
        found = dict[str, ByteArray | str]()
        for record in records.values():
            found |= self._of_shard(record, wanted)
        for row in rows:
            yield self._unread.get(row.key) or found[row.key]

    def _of_shard(self, record: ShardRecord, wanted: set[str]) -> Mapping[str, ByteArray | str]:
        masks = dict[str, ByteArray | str]()
        for (row,) in read_batches(self._store, record, (_KEY, _MASK, "reason"), 1):
            if row[_KEY] in wanted:
                with shard_errors(self._store, record):
                    body = row[_MASK]
                    masks[row[_KEY]] = row["reason"] if body is None else decode_image(body["bytes"])
        return masks


GivenMasks = FolderMasks | RecordedMasks


def open_masks(place: str, config: StoreConfig) -> GivenMasks:
    """The masks at a place: pictures, or what a run or `recommend` has left. Errors as the two classes."""
    with named_masks():
        kept = None if any(sign in place for sign in "*?[") else open_store(place, config)
    return RecordedMasks(kept) if kept is not None and kept.exists(RUN_KEY) else FolderMasks(place, config)


@contextmanager
def named_masks() -> Iterator[None]:
    """What is wrong with the place of masks, said of it and not of the pictures or of the output."""
    try:
        yield
    except ConfigError as error:
        said = str(error).removeprefix("pictures: ").removeprefix("output: ")
        raise ConfigError(f"light.masks (option --masks): {said}") from error


def checked_masks(place: str, config: StoreConfig, pictures: Iterable[PictureRow]) -> GivenMasks:
    """The masks of these pictures. ConfigError: one that has none, by name."""
    given = open_masks(place, config)
    lacking = given.lacking(row.key for row in pictures)
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise ConfigError(
            f"light.masks: {place} has no mask for {', '.join(lacking[:_SHOWN])}{more}; add masks of those names, "
            "all black where there is no lamp, or take the pictures away"
        )
    return given


def masked_unit(given: GivenMasks, rows: Sequence[PictureRow], read: Read) -> Iterator[Recommendation]:
    """Where the light goes in each picture: where its mask is; one by one, in order."""
    for row, mask in zip(rows, given.masks(rows), strict=True):
        yield answer_of_mask(row, read(row), mask)


def _stem(key: str) -> str:
    """The name without its ending; of a row of a Parquet file, which has none of its own, the whole of it."""
    return key if _ROW.search(key) else str(PurePosixPath(key).with_suffix(""))


def _grey(picture: ByteArray) -> ByteArray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
