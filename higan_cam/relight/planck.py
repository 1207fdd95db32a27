"""Colour temperature in kelvin -> linear sRGB, and back.

The Planckian locus is Kang et al.'s fit (J. Korean Phys. Soc. 41(6), 2002, 865-871), 1667-25000 K; XYZ to linear sRGB
is IEC 61966-2-1 (D65). Steps of temperature are felt, and therefore searched, in mired: 1e6 / K.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from higan_cam.losses.light import REC_709
from higan_cam.types import FloatArray

COLDEST, HOTTEST = 1667.0, 25000.0
"""Kelvin; the fit says nothing beyond."""
REDDEST = 2000.0
"""Kelvin of the reddest lamp whose light can be made cooler: below 1905 K sRGB has no blue left to multiply."""
_STEP = 0.5
"""Mired between the temperatures among which `temperature_of` searches."""
_TO_RGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)
"""XYZ (Y of white 1) -> linear sRGB."""


def planck_rgb(kelvin: float) -> FloatArray:
    """(3,) linear sRGB of a black body, Rec. 709 luminance 1; what sRGB cannot show is cut off at 0.

    Raises:
        ValueError: not a temperature in `COLDEST`..`HOTTEST`.
    """
    if not COLDEST <= kelvin <= HOTTEST:
        raise ValueError(f"a colour temperature must be {COLDEST:g}-{HOTTEST:g} K, got {kelvin:g}")
    x, y = _chromaticity(kelvin)
    rgb = np.clip(_TO_RGB @ np.array([x / y, 1.0, (1 - x - y) / y]), 0, None)
    result: FloatArray = (rgb / (rgb @ np.array(REC_709))).astype(np.float64)
    return result


def tint(kelvin: float, own: float) -> FloatArray:
    """(3,) factors that turn light of one temperature into light of another of the same luminance; 1 at its own.

    Raises:
        ValueError: a temperature off the locus, or an own one below `REDDEST`.
    """
    if own < REDDEST:
        raise ValueError(f"a lamp's own colour temperature must be at least {REDDEST:g} K, got {own:g}")
    result: FloatArray = planck_rgb(kelvin) / planck_rgb(own)
    return result


def temperature_of(rgb: npt.ArrayLike) -> float:
    """(3,) linear sRGB, not all 0 -> the temperature whose colour is nearest, in shares of R, G and B."""
    colour = np.asarray(rgb, np.float64)
    kelvins, shares = _locus()
    return float(kelvins[np.argmin(((shares - colour / colour.sum()) ** 2).sum(axis=1))])


@lru_cache(maxsize=1)
def _locus() -> tuple[FloatArray, FloatArray]:
    """(K,) temperatures, coolest colour first, (K,3) their colours, summing to 1."""
    kelvins = 1e6 / np.arange(1e6 / HOTTEST, 1e6 / COLDEST, _STEP)
    colours = np.stack([planck_rgb(float(kelvin)) for kelvin in kelvins])
    return kelvins, colours / colours.sum(axis=1, keepdims=True)


def _chromaticity(kelvin: float) -> tuple[float, float]:
    """CIE 1931 (x, y) on the Planckian locus."""
    t = 1000.0 / kelvin
    if kelvin <= 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return x, y
