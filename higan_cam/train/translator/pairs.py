"""Pairs in memory, lamp off and on, and which of them is shown when and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.images import from_uint8
from higan_cam.relight.light import MOST
from higan_cam.relight.response import Response
from higan_cam.train.draws import rows_shown, stream
from higan_cam.types import ByteArray, FloatArray

FULL = 255
WEAKEST = 0.1
"""Gain from which on a dial is trained, up to `MOST`."""
_ORDER, _EXAMPLE = 0, 1
"""Streams of random numbers."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What a network is shown, and what it should say.

    Attributes:
        pictures: (B,3,S,S) in [-1,1], the lamp off. masks: (B,1,S,S) in [0,1], where it is.
        gains: (B,) that the light is multiplied by, 1 without a dial.
        light: (B,3,S,S) >= 0, what the lamp adds at that gain.
    """

    pictures: Tensor
    masks: Tensor
    gains: Tensor
    light: Tensor

    def to(self, device: str) -> Batch:
        """The same on a device."""
        return Batch(*(part.to(device) for part in (self.pictures, self.masks, self.gains, self.light)))


class Pairs(Protocol):
    """What there is to learn from."""

    def draw(self, places: range) -> Batch:
        """What is shown at these places of training: a function of seed and place alone."""
        ...


@dataclass(frozen=True, eq=False)
class Stored:
    """Pictures with the lamp off and on, and masks of where it is.

    Attributes:
        off, on: (N,S,S,3) uint8. masks: (N,S,S) uint8, 255 where the lamp is.
    """

    off: ByteArray
    on: ByteArray
    masks: ByteArray

    def __len__(self) -> int:
        return len(self.off)

    def light(self, row: int, response: Response) -> FloatArray:
        """(S,S,3) float32: what the lamp adds, never below 0."""
        gained = response.light(self.on[row]) - response.light(self.off[row])
        return np.maximum(gained, 0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class StoredPairs:
    """Pairs in memory."""

    stored: Stored
    response: Response
    seed: int
    dial: bool
    mirror: bool

    def draw(self, places: range) -> Batch:
        """See `Pairs`."""
        rows = rows_shown(places, len(self.stored), self.seed, _ORDER)
        draws = np.stack([stream(self.seed, place, _EXAMPLE).random(2) for place in places])
        gains = gains_of(draws[:, 0], self.dial)
        light = np.stack([self.stored.light(row, self.response) for row in rows]) * gains[:, None, None, None]
        masks = torch.from_numpy(self.stored.masks[rows].astype(np.float32) / FULL)[:, None]
        batch = Batch(
            from_uint8(self.stored.off[rows]),
            masks,
            torch.from_numpy(gains),
            torch.from_numpy(light).permute(0, 3, 1, 2).contiguous(),
        )
        return mirrored(batch, torch.from_numpy(draws[:, 1] < 0.5)) if self.mirror else batch


def gains_of(draws: FloatArray, dial: bool) -> FloatArray:
    """(B,) uniforms -> (B,) float32 gains in `WEAKEST`..`MOST`; 1 without a dial."""
    gains = WEAKEST + (MOST - WEAKEST) * draws if dial else np.ones(len(draws))
    return gains.astype(np.float32)


def mirrored(batch: Batch, turned: Tensor) -> Batch:
    """The batch with the pairs (B,) bool left to right."""
    chosen = turned[:, None, None, None]
    pictures, masks, light = (
        torch.where(chosen, part.flip(3), part) for part in (batch.pictures, batch.masks, batch.light)
    )
    return Batch(pictures, masks, batch.gains, light)
