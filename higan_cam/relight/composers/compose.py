"""What a composer is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from higan_cam.pictures.paste import feathered
from higan_cam.relight.light import WHITE, Light
from higan_cam.types import ByteArray, FloatArray, Place

FEATHER = 0.02
"""Width over which a mask fades out, as a share of the picture's shorter side."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A place in a picture where light is wanted.

    Attributes:
        picture: (H,W,3) uint8 RGB.
        place: in shares of its width and height.
        heat: (H,W) float32 in [0,1], how strongly the light would fall where; None where nobody said.
        mask: (H,W) uint8, 0 or 255: the pixels that may change at all; None for all of them.
        lamp: (h,w,4) uint8 RGBA, a lamp cut out; None for its light alone.
        seed: of whatever is random.
    """

    picture: ByteArray
    place: Place
    heat: FloatArray | None = None
    mask: ByteArray | None = None
    lamp: ByteArray | None = None
    seed: int = 0

    @property
    def weight(self) -> FloatArray:
        """(H,W) in [0,1]: 1 inside the mask, falling to 0 around it; 1 everywhere without one."""
        if self.mask is None:
            return np.ones(self.picture.shape[:2], np.float32)
        return feathered(self.mask, FEATHER * min(self.mask.shape))


@dataclass(frozen=True, eq=False)
class Composed:
    """The lamp in the picture.

    Attributes:
        picture: (H,W,3) uint8, the spot's picture with the lamp in it, off; beyond mask and feather its very bytes.
        light: what the lamp adds at gain 1; 0 beyond mask and feather. `relight(picture, [light], [Dial()])` lights it.
        settings: names and numbers that make the same again, as JSON has them.
        reason: why there is nothing, with the picture unchanged and a light of 0; else empty.
    """

    picture: ByteArray
    light: Light
    settings: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""


def nothing(spot: Spot, reason: str, settings: Mapping[str, object]) -> Composed:
    """The answer for a spot that does not work: its picture unchanged, no light, and why."""
    none = Light(np.zeros(spot.picture.shape, np.float32), WHITE)
    return Composed(spot.picture.copy(), none, settings, reason)


class Composer(Protocol):
    """Puts a lamp, or its light alone, into a picture. Pure: one spot, one answer."""

    @property
    def digests(self) -> Mapping[str, str]:
        """{role: sha256} of the weights that it has: others make other pictures."""
        ...

    def __call__(self, spot: Spot) -> Composed:
        """ConfigError or WeightsError where its own model cannot be used; a spot that does not work has a reason."""
        ...
