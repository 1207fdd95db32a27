"""What an upscaler learns from: pieces of people's pictures at their own size, or rooms rendered at the large side."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate.images import from_uint8
from higan_cam.pictures import Unreadable, list_pictures, open_pictures
from higan_cam.rooms.photos import PHOTO_SEED, photo_latent, photos
from higan_cam.rooms.render import render
from higan_cam.rooms.scene import scene_of
from higan_cam.train.draws import rows_shown, stream
from higan_cam.train.translator.rendered import TRAINING_SEED
from higan_cam.train.upscaler.settings import ROOMS, UpscalerSettings
from higan_cam.types import ByteArray

log = logging.getLogger(__name__)
MOST_BYTES = 8 * 2**30
"""Of the pictures, in every worker."""
LEAST = 2
LARGEST = 512
"""Of a picture that is measured on, px: the square in its middle where it is larger."""
_ORDER, _PIECE = 0, 1
"""Streams of random numbers."""


class Large(Protocol):
    """What there is to learn from."""

    def draw(self, places: range) -> Tensor:
        """(B,3,S,S) in [-1,1], what is shown at these places of training: a function of seed and place alone."""
        ...


@dataclass(frozen=True, eq=False)
class Read:
    """Pictures to learn from and those that are never trained on, (H,W,3) uint8 each, and sha256 over all of them."""

    train: tuple[ByteArray, ...]
    held_out: tuple[ByteArray, ...]
    sha256: str


@dataclass(frozen=True, eq=False)
class Pieces:
    """A random piece of each picture."""

    pictures: Sequence[ByteArray]
    side: int
    seed: int
    mirror: bool

    def draw(self, places: range) -> Tensor:
        """See `Large`."""
        rows = rows_shown(places, len(self.pictures), self.seed, _ORDER)
        pieces = [self._piece(self.pictures[row], place) for row, place in zip(rows, places, strict=True)]
        return from_uint8(np.stack(pieces))

    def _piece(self, picture: ByteArray, place: int) -> ByteArray:
        source = stream(self.seed, place, _PIECE)
        top, left = (int(source.integers(0, extent - self.side + 1)) for extent in picture.shape[:2])
        piece = picture[top : top + self.side, left : left + self.side]
        return piece[:, ::-1] if self.mirror and source.random() < 0.5 else piece


@dataclass(frozen=True)
class Rooms:
    """Rooms that are rendered as they are asked for, each place its own."""

    side: int
    seed: int
    mirror: bool

    def draw(self, places: range) -> Tensor:
        """See `Large`; of whole levels, as a file would have them."""
        latents = np.stack([photo_latent(TRAINING_SEED + self.seed, place) for place in places])
        shown = torch.round((render(scene_of(latents), self.side) + 1) * 127.5) / 127.5 - 1
        turned = torch.tensor([stream(self.seed, place, _PIECE).random() < 0.5 for place in places])
        return torch.where(turned[:, None, None, None], shown.flip(3), shown) if self.mirror else shown


def read_pictures(settings: UpscalerSettings) -> Read | None:
    """Every picture of the source that is at least a piece large; None of rooms. What cannot be used is counted.

    Raises:
        ConfigError: no such source.
        DataError: too few pictures can be used, or more than fit into memory.
    """
    if settings.pictures == ROOMS:
        return None
    source, found, lost, digest = open_pictures(settings.pictures), list[ByteArray](), list[str](), hashlib.sha256()
    size = 0
    for row in list_pictures(settings.pictures):
        picture = source.read(row)
        if isinstance(picture, Unreadable) or min(picture.image.shape[:2]) < settings.side:
            reason = picture.reason if isinstance(picture, Unreadable) else f"smaller than {settings.side} px"
            lost.append(f"{row.key}: {reason}")
            continue
        found.append(picture.image)
        digest.update(str(picture.image.shape).encode() + picture.image.tobytes())
        size += picture.image.nbytes
        if size > MOST_BYTES:
            raise DataError(f"{settings.pictures}: more than {MOST_BYTES // 2**30} GiB of pictures; name fewer")
    if lost:
        log.warning("pictures=%d cannot be used, such as %s", len(lost), lost[0])
    apart = max(1, round(settings.apart * len(found)))
    if len(found) < LEAST + apart:
        raise DataError(
            f"{settings.pictures}: {len(found)} pictures can be used, of which {apart} are held out, and {LEAST} or "
            f"more are needed besides ({len(lost)} cannot{f', such as {lost[0]}' if lost else ''})"
        )
    held = set(np.linspace(0, len(found) - 1, apart).astype(int).tolist())
    learned, tested = (tuple(each for i, each in enumerate(found) if (i in held) is out) for out in (False, True))
    return Read(learned, tested, digest.hexdigest())


def with_digest(settings: UpscalerSettings, read: Read | None) -> UpscalerSettings:
    """The settings with what the pictures are. ConfigError: they said something else."""
    found = "" if read is None else read.sha256
    if settings.sha256 not in ("", found):
        raise ConfigError(f"{settings.pictures}: has changed since training began; take another output")
    return replace(settings, sha256=found)


def large_of(settings: UpscalerSettings, read: Read | None) -> Large:
    """What is learned from."""
    if read is None:
        return Rooms(settings.side, settings.seed, settings.mirror)
    return Pieces(read.train, settings.side, settings.seed, settings.mirror)


def held_out_of(settings: UpscalerSettings, read: Read | None) -> list[ByteArray]:
    """(H,W,3) uint8 pictures that are measured on, of sides that divide by the scale.

    Rooms are those that no training and no choice has used (`PHOTO_SEED`).
    """
    if read is None:
        return [room.image for room in photos(PHOTO_SEED, settings.held_out, "G1", size=settings.side)]
    return [_middle(picture, settings.scale) for picture in islice(read.held_out, settings.held_out)]


def _middle(picture: ByteArray, scale: int) -> ByteArray:
    sides = [min(extent, LARGEST) // scale * scale for extent in picture.shape[:2]]
    top, left = ((extent - side) // 2 for extent, side in zip(picture.shape[:2], sides, strict=True))
    return np.ascontiguousarray(picture[top : top + sides[0], left : left + sides[1]])
