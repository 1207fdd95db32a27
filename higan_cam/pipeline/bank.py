"""A run's samples as others ask them: what each looks like, and its heat; frozen in the output that asks.

What `mask.student.absent` compares a picture with. A sample takes 5 kB, so that `LIMIT` of them are 51 MB in every
process, whatever the size of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import Tensor

from higan_cam.errors import ConfigError, DataError, StoreError
from higan_cam.generate.images import from_uint8
from higan_cam.mask.student import Student
from higan_cam.mask.student.absent import heat_of_similar, thumbnails
from higan_cam.mask.student.network import SHRINK
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.reading import evenly_spread, read_batches, shard_errors
from higan_cam.store import Store, committed, read_run
from higan_cam.store.keys import BANK_KEY, DATA
from higan_cam.types import ByteArray, FloatArray, ShardRecord

LIMIT = 10_000
"""Samples that a bank holds; of a larger run it takes evenly spread shards."""
FULL = 255
"""The level of heat 1."""
_COLUMNS = ("original", "heat", "status")
_ROWS = 64


@dataclass(frozen=True, eq=False)
class Bank:
    """M samples of a run: (M,D) float32 thumbnails of their pictures, and (M,h,h) uint8 heat, `FULL` is heat 1."""

    known: Tensor
    heat: Tensor

    def __len__(self) -> int:
        return len(self.known)

    @property
    def mean(self) -> FloatArray:
        """(h,h) mean heat of all samples."""
        return np.asarray(self.heat.float().mean(dim=0).numpy() / FULL, np.float32)

    def heat_of(self, images: Tensor) -> Tensor:
        """(N,3,S,S) in [-1,1] -> (N,h,h) in [0,1]: the mean heat of the samples most like each."""
        return heat_of_similar(images, self.known, self.heat) / FULL


def bank_shards(run: Store, student: Student) -> list[ShardRecord]:
    """The shards of a run that make its bank, in order.

    Raises:
        ConfigError: its masks are of another attribute than the student's.
        DataError: it has no masks yet.
        StoreError: not a run.
    """
    record = read_run(run)
    attribute = record["config"].get("attribute")
    if attribute != student.attribute:
        raise ConfigError(
            f"student.bank: the masks of {run.uri} are of {attribute!r}, those of the student of "
            f"{student.attribute!r}; name a run of that attribute, or another student"
        )
    shards = committed(run, DATA, str(record.get("config_hash")))
    found = [shards[number] for number in sorted(shards) if shards[number].rows]
    if not found:
        raise DataError(f"student.bank: {run.uri} has no masks yet; its own `higan-cam run` command makes them")
    return evenly_spread(found, LIMIT)


def freeze_bank(store: Store, run: Store, shards: Sequence[ShardRecord], student: Student) -> None:
    """Read the bank off a run and write it into the output, unless it is there.

    Raises:
        DataError: as `make_bank`.
        StoreError: likewise, and where the output cannot be written.
    """
    if not store.exists(BANK_KEY):
        bank = make_bank(run, shards, student)
        store.put_new(BANK_KEY, save_arrays({"known": bank.known.numpy(), "heat": bank.heat.numpy()}))


def make_bank(run: Store, shards: Sequence[ShardRecord], student: Student) -> Bank:
    """The samples with a mask of these shards, the first `LIMIT`.

    Raises:
        DataError: no sample of the run has a mask.
        StoreError: a shard cannot be read.
    """
    known: list[Tensor] = []
    heats: list[ByteArray] = []
    for image, heat in _samples(run, shards, student.side // SHRINK):
        known.append(thumbnails(from_uint8(image[None])))
        heats.append(heat)
        if len(heats) == LIMIT:
            break
    if not heats:
        raise DataError(f"student.bank: no sample of {run.uri} has a mask; name a run with masks")
    return Bank(torch.cat(known), torch.from_numpy(np.stack(heats)))


def read_bank(store: Store) -> Bank:
    """The frozen bank of an output. StoreError: there is none, or it is damaged."""
    try:
        arrays = load_arrays(store.get(BANK_KEY))
        return Bank(torch.from_numpy(arrays["known"]), torch.from_numpy(arrays["heat"]))
    except (SafetensorError, KeyError, ValueError) as error:
        raise StoreError(f"{store.uri}: {BANK_KEY} cannot be read ({error}); start again in an empty output") from error


def _samples(run: Store, shards: Sequence[ShardRecord], side: int) -> Iterator[tuple[ByteArray, ByteArray]]:
    """(S,S,3) picture and (side,side) uint8 heat of each sample with a mask; one shard is in memory."""
    for shard in shards:
        for rows in read_batches(run, shard, _COLUMNS, _ROWS):
            with shard_errors(run, shard):
                yield from (_sample(row, side) for row in rows if row["status"] == "ok")


def _sample(row: dict[str, Any], side: int) -> tuple[ByteArray, ByteArray]:
    heat = decode_heat(row["heat"]["bytes"])
    how = cv2.INTER_AREA if side <= len(heat) else cv2.INTER_LINEAR
    small = np.clip(cv2.resize(heat, (side, side), interpolation=how), 0, 1)
    return decode_image(row["original"]["bytes"]), np.rint(FULL * small).astype(np.uint8)
