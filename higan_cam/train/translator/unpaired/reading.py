"""Two folders of pictures, and which of each is shown when: in orders of their own, so that no pair is ever shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.images import from_uint8
from higan_cam.pictures import Fit
from higan_cam.store.canonical import digest
from higan_cam.train.draws import rows_shown, stream
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.types import BoolArray, ByteArray

_OFF, _ON, _TURNED = 16, 17, 18
"""Streams of random numbers."""


@dataclass(frozen=True)
class _Source:
    """What `read_pictures` is told."""

    pictures: str
    side: int
    apart: int
    colours: str = "rgb"
    fit: Fit = "crop"


@dataclass(frozen=True, eq=False)
class Folders:
    """What there is to learn from: lamp off, lamp on, and sha256 over both."""

    off: Pictures
    on: Pictures

    @property
    def sha256(self) -> str:
        """Over all pictures of both folders, as they are fitted."""
        return digest(f"{self.off.sha256} {self.on.sha256}".encode())

    def draw(self, settings: UnpairedSettings, places: range) -> tuple[Tensor, Tensor]:
        """(B,3,S,S) in [-1,1] with the lamp off and on, at these places of training: of seed and place alone."""
        turned = np.stack([stream(settings.seed, place, _TURNED).random(2) for place in places]) < 0.5
        turned &= settings.mirror
        off, on = (
            _mirrored(part.train[rows_shown(places, len(part.train), settings.seed, kind)], turned[:, column])
            for column, (kind, part) in enumerate(((_OFF, self.off), (_ON, self.on)))
        )
        return off, on


def read_folders(settings: UnpairedSettings) -> Folders:
    """Both folders, `held_out` pictures of each apart; what cannot be read is passed over and counted.

    Raises:
        ConfigError: no such source. DataError: too few pictures, or more than fit into memory.
    """
    off, on = (read_pictures(_Source(place, settings.side, settings.held_out)) for place in (settings.off, settings.on))
    return Folders(off, on)


def _mirrored(pictures: ByteArray, turned: BoolArray) -> Tensor:
    shown = from_uint8(pictures)
    return torch.where(torch.from_numpy(turned)[:, None, None, None], shown.flip(3), shown)
