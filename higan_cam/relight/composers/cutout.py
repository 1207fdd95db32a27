"""Light without a generator: a lamp cut out and pasted, and light that falls as heat, or distance, says.

    light = q k (c (a A + g) + l L),  q = heat^p, or 1 / (1 + (r / h)^2) without heat

in linear light: L the picture, A = .35 clip(L / (blur(Y) + .02), 0, 2.5) a guess of what things reflect, with Y the
luminance, c the lamp's colour, k its strength; `a` falls on things, `g` is haze and glow, `l` lights what is light.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from higan_cam.errors import ConfigError
from higan_cam.losses.light import REC_709
from higan_cam.relight.composers.compose import Composed, Spot
from higan_cam.relight.light import Light, strips
from higan_cam.relight.planck import HOTTEST, REDDEST, planck_rgb
from higan_cam.relight.response import SRGB
from higan_cam.types import ByteArray, FloatArray, Place

LAMP_WIDTH = 0.08
"""Of a pasted lamp, as a share of the picture's width."""


@dataclass(frozen=True)
class CutoutSettings:
    """Of the model above, fitted to a student's heat on rooms (`python -m tests.benchmarks.light --fit`).

    Attributes:
        kelvin: colour temperature of the lamp.
        strength, power, on_things, glow, on_light: k, p, a, g, l.
        reach: h, as a share of the picture's shorter side.
        blur: sigma of the neighbourhood whose luminance is taken for the light on a thing, as such a share.
    """

    kelvin: float = 4761.0
    strength: float = 1.0
    power: float = 1.61
    on_things: float = 0.612
    glow: float = 0.795
    on_light: float = 0.940
    reach: float = 0.12
    blur: float = 12 / 128

    def __post_init__(self) -> None:
        """ConfigError: a value that is no number, or out of its range."""
        for name, value in asdict(self).items():
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
                raise ConfigError(f"cutout: {name} must be a number >= 0, got {value!r}")
        if not REDDEST <= self.kelvin <= HOTTEST:
            raise ConfigError(f"cutout: kelvin must be {REDDEST:g}-{HOTTEST:g}, got {self.kelvin:g}")
        if not (self.reach and self.blur):
            raise ConfigError(f"cutout: reach and blur must be > 0, got {self.reach:g} and {self.blur:g}")


@dataclass(frozen=True)
class Cutout:
    """A lamp and its light by this model; where the spot has heat, the light has its shape."""

    settings: CutoutSettings = CutoutSettings()

    @property
    def digests(self) -> dict[str, str]:
        """None: it has no weights."""
        return {}

    def __call__(self, spot: Spot) -> Composed:
        """The lamp, pasted where the place is, with its light; the light alone without a lamp."""
        picture = spot.picture if spot.lamp is None else with_lamp(spot.picture, spot.lamp, spot.place)
        shape = falloff(spot, self.settings.reach) if spot.heat is None else spot.heat**self.settings.power
        light = Light(self._layer(picture, shape * spot.weight), self.settings.kelvin)
        recorded = {"composer": "cutout", "seed": spot.seed, **asdict(self.settings)}
        return Composed(picture, light, recorded)

    def _layer(self, picture: ByteArray, shape: FloatArray) -> FloatArray:
        """(H,W,3) float32 light that has this shape, (H,W)."""
        bright: FloatArray = np.empty(picture.shape[:2])
        for rows in strips(picture.shape):
            bright[rows] = SRGB.light(picture[rows]) @ np.array(REC_709)
        blurred = wide_blur(bright, self.settings.blur * min(picture.shape[:2]))
        layer: FloatArray = np.empty(picture.shape, np.float32)
        for rows in strips(picture.shape):
            layer[rows] = shape[rows, :, None] * self._on(picture[rows], blurred[rows])
        return layer

    def _on(self, picture: ByteArray, blurred: FloatArray) -> FloatArray:
        """(H,W,3) light where the heat is 1, beside the blurred light (H,W) that is there."""
        s, there = self.settings, SRGB.light(picture)
        reflecting = 0.35 * np.clip(there / (blurred[..., None] + 0.02), 0, 2.5)
        colour = planck_rgb(s.kelvin)
        result: FloatArray = s.strength * (colour * (s.on_things * reflecting + s.glow) + s.on_light * there)
        return result


def wide_blur(values: FloatArray, sigma: float) -> FloatArray:
    """(H,W) -> a Gaussian of many pixels, at 1/k of the size, k = sigma / 8: its cost would grow with sigma cubed."""
    height, width = values.shape
    k = max(1, int(sigma / 8))
    small = cv2.resize(values, (-(-width // k), -(-height // k)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / k)
    result: FloatArray = np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float64)
    return result


def falloff(spot: Spot, reach: float) -> FloatArray:
    """(H,W) in (0,1]: 1 at the place, one half at `reach` of the shorter side from it, as light of a point above."""
    height, width = spot.picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    y, x = spot.place.y * height - 0.5, spot.place.x * width - 0.5
    away = np.hypot(rows - y, columns - x) / (reach * min(height, width))
    result: FloatArray = (1 / (1 + away * away)).astype(np.float32)
    return result


def with_lamp(picture: ByteArray, lamp: ByteArray, place: Place) -> ByteArray:
    """The lamp, `LAMP_WIDTH` wide, over the picture with its centre at the place, blended in linear light by its alpha.

    Args:
        picture: (H,W,3) uint8. lamp: (h,w,4) uint8, alpha not premultiplied.

    Returns:
        (H,W,3); bytes where the lamp is transparent or not are the picture's.
    """
    height, width = picture.shape[:2]
    wide = max(1, round(LAMP_WIDTH * width))
    tall = max(1, round(wide * lamp.shape[0] / lamp.shape[1]))
    alpha = lamp[..., 3:].astype(np.float32) / 255
    colour = SRGB.light(lamp[..., :3]) * alpha  # premultiplied: what is transparent has no colour to bleed
    shrink = cv2.INTER_AREA if wide < lamp.shape[1] else cv2.INTER_LINEAR
    small = cv2.resize(np.concatenate([colour, alpha], axis=-1).astype(np.float32), (wide, tall), interpolation=shrink)
    top, left = round(place.y * height - tall / 2), round(place.x * width - wide / 2)
    rows, columns = (slice(max(0, at), max(0, at + size)) for at, size in ((top, tall), (left, wide)))
    shown = small[max(0, -top) :, max(0, -left) :]
    result = picture.copy()
    under = result[rows, columns]
    shown = shown[: under.shape[0], : under.shape[1]]
    covered = shown[..., 3] > 0
    under[covered] = SRGB.display(SRGB.light(under) * (1 - shown[..., 3:]) + shown[..., :3])[covered]
    return result
