"""A lamp's light as a layer of its own, and pictures with such layers turned up, down, off, warmer and cooler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from higan_cam.relight.planck import REDDEST, temperature_of, tint
from higan_cam.relight.response import SRGB, Response
from higan_cam.types import ByteArray, FloatArray

MOST = 2.0
"""Largest gain: twice the lamp's light."""
WHITE = 6504.0
"""Kelvin taken as the colour of what a picture shows as white (D65)."""
_STRONG = 0.25
"""Light from this share of its peak on says what colour a lamp has."""
_STRIP = 1 << 16
"""Pixels that are reckoned at once."""
_DARK = 0.01
"""Linear light below which a picture says nothing of the colour of a thing."""


@dataclass(frozen=True, eq=False)
class Light:
    """What one lamp, or several together, add to a picture.

    Attributes:
        layer: (H,W,3) float32, >= 0: light at gain 1, in the response's units.
        kelvin: colour temperature of the lamp itself, `REDDEST`-25000.
        response: what the picture's levels mean.
    """

    layer: FloatArray
    kelvin: float
    response: Response = SRGB


@dataclass(frozen=True)
class Dial:
    """What a light is turned to.

    Attributes:
        gain: 0 is off, 1 the light as it is, at most `MOST`.
        kelvin: colour temperature; None leaves the lamp's own.

    Raises:
        ValueError: a gain out of [0, `MOST`].
    """

    gain: float = 1.0
    kelvin: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.gain <= MOST:
            raise ValueError(f"a gain must be 0 (off) to {MOST:g}, got {self.gain:g}")


def light_layer(before: ByteArray, after: ByteArray, response: Response = SRGB) -> FloatArray:
    """(H,W,3) uint8 pictures, lamp off and on -> (H,W,3) float32 light that the lamp adds, never below 0.

    Raises:
        ValueError: two sizes.
    """
    if before.shape != after.shape:
        raise ValueError(f"both pictures of a pair must be of one size, got {before.shape} and {after.shape}")
    gained: FloatArray = np.empty(after.shape, np.float32)
    for rows in strips(after.shape):
        gained[rows] = np.clip(response.light(after[rows]) - response.light(before[rows]), 0, None)
    return gained


def light_of_pair(before: ByteArray, after: ByteArray, response: Response = SRGB) -> Light:
    """The light of a pair with its temperature, as far as the pair tells it (`own_temperature`)."""
    layer = light_layer(before, after, response)
    return Light(layer, own_temperature(layer, before, response), response)


def own_temperature(layer: FloatArray, unlit: ByteArray, response: Response = SRGB) -> float:
    """Temperature of the lamp that adds this light to that picture.

    Light over what was there before, pixel by pixel, is the lamp's colour over the room's: what colour things have
    cancels. The room's own light is taken as `WHITE`, as a camera's white balance makes it. `WHITE` where that
    says nothing, as where the picture is dark wherever the light is.
    """
    amount = layer.max(axis=-1)
    darkest = int(np.searchsorted(response.levels, _DARK, side="right"))  # level whose light is above it
    told = (amount > _STRONG * amount.max()) & (unlit.min(axis=-1) >= darkest) & (amount > 0)
    colour = np.median(layer[told] / response.light(unlit[told]), axis=0) if told.any() else np.zeros(3)
    return max(REDDEST, temperature_of(colour)) if colour.any() else WHITE


def relight(
    picture: ByteArray,
    lights: Sequence[Light],
    dials: Sequence[Dial],
    *,
    burning: bool = False,
    weight: FloatArray | None = None,
) -> ByteArray:
    """picture + sum of (gain x tint - burning) x light, in the units in which light adds up, encoded and clamped once.

    Where nothing is added or taken away every byte is the picture's own: with burning lights at gain 1, others at 0,
    everywhere.

    Args:
        picture: (H,W,3) uint8 RGB.
        lights: layers of the picture's size, all of one response.
        dials: one for each light.
        burning: the lights are in the picture already; gain 0 then takes them out.
        weight: (H,W) in [0,1], such as a feathered mask; 0 leaves the picture as it is.

    Raises:
        ValueError: sizes or responses differ, or there is not a dial for each light.
    """
    if not lights:
        return picture.copy()
    wrong = [light.layer.shape for light in lights if light.layer.shape != picture.shape]
    if wrong:
        raise ValueError(f"a light of a picture of {picture.shape} must have its shape, got {wrong[0]}")
    response = lights[0].response
    if any(light.response is not response for light in lights):
        raise ValueError(f"all lights of a picture must be in one response's units, got {response.name} and another")
    turned = [(factors(light, dial) - burning).astype(np.float32) for light, dial in zip(lights, dials, strict=True)]
    result = picture.copy()
    for rows in strips(picture.shape):
        change = np.zeros(result[rows].shape, np.float32)
        for light, factor in zip(lights, turned, strict=True):
            change += light.layer[rows] * factor
        if weight is not None:
            change *= weight[rows, :, None]
        moved = change.any(axis=-1)
        result[rows][moved] = response.display(response.light(picture[rows][moved]) + change[moved])
    return result


def strips(shape: Sequence[int]) -> Iterator[slice]:
    """Rows of an array of that shape, in turn, some ten thousand pixels each.

    What is reckoned pixel by pixel in 64 bits would take a gigabyte and more at 12 megapixels.
    """
    rows = max(1, _STRIP // max(1, shape[1]))
    return (slice(top, top + rows) for top in range(0, shape[0], rows))


def factors(light: Light, dial: Dial) -> FloatArray:
    """(3,) by which each channel of the light is multiplied."""
    colour = np.ones(3) if dial.kelvin is None else tint(dial.kelvin, light.kelvin)
    result: FloatArray = dial.gain * colour
    return result
