"""What a camera, or a renderer, makes of light: display levels <-> light, in units in which lamps add up.

`srgb` takes a picture for what its file says, IEC 61966-2-1 and no more. `film` undoes a shoulder as well, level =
sqrt(1 - exp(-light)): bright light is compressed as cameras do it, and the renderer of the rooms does exactly so. Where
a shoulder is taken for sRGB, lamps turned up come out too bright, turned down too dark (`relight/README.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from higan_cam.pictures.paste import srgb_light
from higan_cam.types import ByteArray, FloatArray


@dataclass(frozen=True, eq=False)
class Response:
    """A response curve, known at every half level, so that levels come back exactly.

    Attributes:
        name: of the curve.
        halves: (511,) float64, rising: light at levels 0, 0.5, 1, … 255.
    """

    name: str
    halves: FloatArray

    @cached_property
    def levels(self) -> FloatArray:
        """(256,) light at each level."""
        return self.halves[::2]

    @cached_property
    def borders(self) -> FloatArray:
        """(255,) light above which the next level is nearer on the display."""
        return self.halves[1::2]

    def light(self, picture: ByteArray) -> FloatArray:
        """uint8 levels, any shape -> light, float64."""
        found: FloatArray = self.levels[picture]
        return found

    def display(self, light: npt.NDArray[np.floating]) -> ByteArray:
        """Light, any shape -> uint8 levels, clamped to what can be shown; the inverse of `light` for all 256."""
        shown: ByteArray = np.searchsorted(self.borders, light, side="right").astype(np.uint8)
        return shown


BRIGHTEST = 254.75 / 255
"""Display value that stands for full white in `film`, whose light has no end there."""


def _film(display: FloatArray) -> FloatArray:
    light: FloatArray = -np.log1p(-(np.minimum(display, BRIGHTEST) ** 2))
    return light


_HALVES = np.arange(511) / 510
SRGB = Response("srgb", srgb_light(_HALVES))
FILM = Response("film", _film(_HALVES))
RESPONSES = {response.name: response for response in (SRGB, FILM)}


def response_of_lamps(off: ByteArray, alone: Sequence[ByteArray], together: ByteArray) -> Response:
    """The curve of `RESPONSES` in which lamps photographed one by one add up best to all of them at once.

    Nothing but the camera may change between the pictures, and two lamps' light has to overlap somewhere. One pair
    alone, or a picture, does not tell: light of any curve fits it.

    Args:
        off: (H,W,3) uint8 without any lamp. alone: with one of them each, two or more. together: with all.

    Raises:
        ValueError: fewer than two lamps, or two sizes.
    """
    if len(alone) < 2 or any(each.shape != off.shape for each in (*alone, together)):
        raise ValueError(f"needs two lamps or more and pictures of one size, got {len(alone)} lamps at {off.shape}")

    def missed(response: Response) -> float:
        unlit = response.light(off)
        added = unlit + sum((response.light(each) - unlit for each in alone), np.zeros_like(unlit))
        return float(np.mean((response.display(added).astype(np.float64) - together) ** 2))

    return min(RESPONSES.values(), key=missed)
