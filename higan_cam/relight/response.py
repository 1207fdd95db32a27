"""What a camera, or a renderer, makes of light: display levels <-> light, in units in which lamps add up.

`srgb` takes a picture for what its file says, IEC 61966-2-1 and no more. `film` undoes a shoulder as well, level =
sqrt(1 - exp(-light)): bright light is compressed as cameras do it, and the renderer of the rooms does exactly so. Where
a shoulder is taken for sRGB, lamps turned up come out too bright, turned down too dark (`relight/README.md`).
"""

from __future__ import annotations

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
