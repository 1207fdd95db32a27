"""What `higan-cam light` begins with: the places that `recommend` has found, and a lamp."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from higan_cam.config import RunConfig, StoreConfig, config_hash
from higan_cam.errors import ConfigError, DataError
from higan_cam.pictures import PictureRow
from higan_cam.publish.places import DECODED, decode_places
from higan_cam.publish.reading import fingerprint, read_batches, shard_errors
from higan_cam.relight.bodies import read_lamp
from higan_cam.store import committed, open_store
from higan_cam.store.keys import PLACES, STAGE_NAMES
from higan_cam.store.run import listed_stage, planned_samples, read_run, recorded_config
from higan_cam.types import ByteArray, Recommendation

ON_DEVICES = {"diffusion"}
"""Composers that compute on a GPU where there is one."""


class RecordedPlaces:
    """The places in an output of `higan-cam recommend`, by picture.

    Attributes:
        whole: they were looked for in the whole of each picture, not in the square in its middle.

    Raises:
        StoreError: no run, or a store that cannot be read.
        DataError: it is not finished.
    """

    def __init__(self, uri: str, config: StoreConfig) -> None:
        self._store = open_store(uri, config)
        asked = recorded_config(self._store)
        stage = listed_stage(self._store)
        if stage != PLACES:
            kind = "a run" if stage is None else f"an output of `{STAGE_NAMES[stage]}`"
            raise DataError(
                f"light.places: {self._store.uri} is {kind}, and no output of `recommend`; name one of these pictures, "
                "or leave it out for the student's own"
            )
        records = committed(self._store, PLACES, config_hash(asked))
        self._records = [records[shard] for shard in sorted(records)]
        there = sum(record.rows for record in self._records)
        planned = planned_samples(self._store, read_run(self._store)["config"])
        if there < planned:
            raise DataError(
                f"light.places: {self._store.uri} has places of {there} of {planned} pictures; the same `recommend` "
                "goes on to the end"
            )
        self.whole = asked.source.fit == "pad"

    @property
    def fingerprint(self) -> str:
        """sha256 over the shards of places: others give another."""
        return fingerprint(self._records)

    def of(self, rows: Sequence[PictureRow]) -> Iterator[Recommendation]:
        """What was said of these pictures, neighbours in their listing.

        Raises:
            DataError: of one nothing was said, or its number is another picture's there.
            StoreError: a shard cannot be read.
        """
        wanted, first = {row.index: row.key for row in rows}, 0
        for record in self._records:
            if first <= max(wanted) and min(wanted) < first + record.rows:
                for batch in read_batches(self._store, record, DECODED, 1):
                    if batch[0]["index"] in wanted:
                        with shard_errors(self._store, record):
                            yield self._checked(decode_places(batch[0]), wanted.pop(batch[0]["index"]))
            first += record.rows
            if not wanted:
                return
        raise DataError(f"light.places: {self._store.uri} says nothing of {next(iter(wanted.values()))}; {_SAME}")

    def _checked(self, found: Recommendation, key: str) -> Recommendation:
        if found.key != key:
            raise DataError(f"light.places: picture {found.index} is {found.key} there and {key} here; {_SAME}")
        return found


_SAME = "give `recommend` and `light` the same pictures"


def lamp_of(config: RunConfig) -> ByteArray | None:
    """(h,w,4) the lamp that is to be seen; None for its light alone. ConfigError: the file is no lamp cut out."""
    if config.light.lamp is None:
        return None
    folder, slash, name = config.light.lamp.rpartition("/")
    content = open_store(folder or slash or ".", config.store).find(name) if name else None
    if content is None:
        raise ConfigError(f"light.lamp: {config.light.lamp}: no such file; name a lamp cut out, PNG or WebP")
    found = read_lamp(content)
    if isinstance(found, str):
        raise ConfigError(f"light.lamp: {config.light.lamp}: {found}")
    return found


def composer_settings(config: RunConfig, device: str) -> dict[str, Any]:
    """The composer's settings; what computes on a device computes on the worker's, unless one is named."""
    here = {"device": device} if config.light.composer in ON_DEVICES else {}
    return {**here, **config.light.settings}
