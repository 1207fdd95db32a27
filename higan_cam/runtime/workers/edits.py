"""What `higan-cam light --composer pair` begins with: the edits of a run on pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from higan_cam.config import RunConfig, StoreConfig, config_hash
from higan_cam.errors import ConfigError, DataError, WeightsError
from higan_cam.manipulate import decode_boundary
from higan_cam.mask import decode_rle
from higan_cam.pictures import PictureRow
from higan_cam.pipeline.carried import CarriedEdit, LightEnds, carried_edit, light_ends, strong_end
from higan_cam.pipeline.models import load_own_generator
from higan_cam.publish.images import decode_image
from higan_cam.publish.lights import Unlit
from higan_cam.publish.reading import fingerprint, read_batches, shard_errors
from higan_cam.runtime.plan import plan_mask
from higan_cam.runtime.workers.inputs import read_codes
from higan_cam.store import Store, committed, open_store
from higan_cam.store.keys import CODES, DATA, boundary_keys
from higan_cam.store.run import read_run, recorded_config
from higan_cam.types import ByteArray, PictureCode, Place
from higan_cam.weights.embedded import EMBEDDED_GENERATORS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.zoo import weights_file

_COLUMNS = (
    *("index", "status", "reason", "picture", "picture_mask", "reconstruction", "image", "places"),
    *("picture_regions", "score", "distance_positive"),
)
_SAME = "give `light` the pictures that the run has"


class RecordedEdits:
    """The edits of a run's pictures, as far as light goes (`pipeline.carried`).

    Attributes:
        config: the run's.

    Raises:
        StoreError: no run, or a store that cannot be read.
        ConfigError: a run on latents, which has no pictures.
        DataError: it is not finished.
    """

    def __init__(self, uri: str, config: StoreConfig) -> None:
        self._store = open_store(uri, config)
        self.config = inverted_run(self._store)
        units, of_run = plan_mask(self.config), config_hash(self.config)
        self._records = committed(self._store, DATA, of_run)
        self._codes = committed(self._store, CODES, of_run)
        self._units = units
        there = sum(unit.shard in self._records for unit in units)
        if there < len(units):
            raise DataError(
                f"light.places: {self._store.uri} has masks of {there} of {len(units)} units; the same `run` goes on "
                "to the end"
            )

    @property
    def digests(self) -> dict[str, str]:
        """{role: sha256} of what makes the light. WeightsError: the generator is not the run's own."""
        run = read_run(self._store)["weights"]
        file = weights_file(self.config.generator.weights, EMBEDDED_GENERATORS)
        if (found := sha256_of(file)) != run["generator"]:
            raise WeightsError(
                f"generator.weights: {file} has the sha256 {found}, and {self._store.uri} was made with "
                f"{run['generator']}; put that file there, since the light of an edit is drawn anew"
            )
        return {"places": self.fingerprint, "generator": found}

    @cached_property
    def _ends(self) -> LightEnds | None:
        tensors, metrics = boundary_keys(self.config)
        found = self._store.get(tensors), self._store.get(metrics)
        boundary = decode_boundary(*found, f"{self._store.uri}/{tensors}")
        return light_ends(self.config, boundary, load_own_generator(self.config))

    @property
    def fingerprint(self) -> str:
        """sha256 over the shards of codes and edits: others give another."""
        return fingerprint([each[shard] for each in (self._codes, self._records) for shard in sorted(each)])

    def of(self, rows: Sequence[PictureRow]) -> Iterator[CarriedEdit | Unlit]:
        """The edits of these pictures, neighbours in their listing, in order; why none, for those without.

        Raises:
            DataError: one is not there, or its number is another picture's.
            StoreError: a shard cannot be read.
        """
        wanted = {row.index: row.key for row in rows}
        for unit in self._units:
            if wanted.keys() & set(unit.indices):
                yield from self._unit(unit.shard, wanted)
                for index in unit.indices:
                    wanted.pop(index, None)
        if wanted:
            raise DataError(f"light.places: {self._store.uri} says nothing of {next(iter(wanted.values()))}; {_SAME}")

    def _unit(self, shard: int, wanted: Mapping[int, str]) -> Iterator[CarriedEdit | Unlit]:
        edited = read_batches(self._store, self._records[shard], _COLUMNS, 1)
        row = next(edited, None)
        for code in read_codes(self.config, self._store, shard) or ():
            mine = row[0] if row is not None and row[0]["index"] == code.index else None
            if mine is not None:
                row = next(edited, None)
            if code.index not in wanted:
                continue
            if wanted[code.index] != code.key:
                raise DataError(
                    f"light.places: picture {code.index} is {code.key} there and {wanted[code.index]} here; {_SAME}"
                )
            with shard_errors(self._store, self._records[shard]):
                found = Unlit(code.key, code.status, code.reason) if mine is None else self._edit(code, mine)
            yield found

    def _edit(self, code: PictureCode, row: Mapping[str, Any]) -> CarriedEdit | Unlit:
        if row["picture"] is None:
            return Unlit(code.key, "unreadable", row["reason"])
        if row["status"] != "ok" or not row["picture_regions"]:
            return Unlit(code.key, "empty", row["reason"] or "no region of the edit shows in the picture")
        picture, mask, before = (
            decode_image(row[name]["bytes"]) for name in ("picture", "picture_mask", "reconstruction")
        )
        places = {place["rank"]: Place(**place) for place in row["places"]}
        regions = [
            (places[region["rank"]], decode_rle(region["rle"]).astype(np.bool_)) for region in row["picture_regions"]
        ]
        return carried_edit(code, picture, mask, regions, (before, self._after(code, row)))

    def _after(self, code: PictureCode, row: Mapping[str, Any]) -> ByteArray:
        """The strong end: the run's own where that is where its light is whole, else drawn anew."""
        score = math.nan if row["score"] is None else row["score"]
        return strong_end(
            self._ends, code.w_plus, score, row["distance_positive"], lambda: decode_image(row["image"]["bytes"])
        )


def inverted_run(store: Store) -> RunConfig:
    """The configuration of a run on pictures. ConfigError: it is none; StoreError: as `recorded_config`."""
    config = recorded_config(store)
    if config.source.kind != "pictures":
        raise ConfigError(
            f"light.places: {store.uri} is a run on latents; the composer pair takes a run on pictures "
            "(source.kind=pictures), which has inverted them"
        )
    return config
