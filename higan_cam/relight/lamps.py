"""One light as the light of several lamps, each with a switch of its own."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from higan_cam.relight.light import Light
from higan_cam.types import BoolArray, FloatArray

REACH = 0.04
"""Distance from a lamp, as a share of the picture's shorter side, at which its claim to the light has halved."""


def split_light(light: Light, lamps: Sequence[BoolArray]) -> list[Light]:
    """The light shared out between lamps; the shares add up to it everywhere.

    A lamp's share of a pixel's light goes with 1 / (1 + (d / reach)^2)^2, d the distance to the lamp: twice the inverse
    square, so that the nearest lamp has nearly all of it and there is no seam half-way.

    Args:
        light: of all of them.
        lamps: (H,W) bool each, such as the regions of a mask.

    Raises:
        ValueError: no lamp, one without a pixel, or one of another size than the light.
    """
    sizes = {lamp.shape for lamp in lamps}
    if sizes != {light.layer.shape[:2]} or not all(lamp.any() for lamp in lamps):
        raise ValueError(f"lamps must be (H,W) masks with a pixel, of the light's size {light.layer.shape[:2]}")
    claims = np.stack([_claim(lamp) for lamp in lamps])
    shares = claims / claims.sum(axis=0)
    return [Light(light.layer * share[..., None], light.kelvin, light.response) for share in shares]


def _claim(lamp: BoolArray) -> FloatArray:
    away = cv2.distanceTransform((~lamp).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    reach = REACH * min(lamp.shape)
    claim: FloatArray = (1 / (1 + (away / reach) ** 2) ** 2).astype(np.float32)
    return claim
