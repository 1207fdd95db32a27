"""One light as the light of several lamps, each with a switch of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from higan_cam.losses.light import REC_709
from higan_cam.relight.light import Light
from higan_cam.types import BoolArray, FloatArray

REACH = 0.04
"""Distance from a lamp, as a share of the picture's shorter side, at which its claim to the light has halved."""
STANDS = 0.85
"""A lamp's top stands out where any way to a brighter pixel leads below this share of it. Chosen with `SMOOTHED` on 40
rooms that nothing is reported on: all from .85 to .90 found every lamp of them, and no other."""
FAINT = 0.2
"""Share of the brightest pixel's light below which nothing is looked at as a lamp."""
SMOOTHED = 0.02
"""Sigma over which brightness is smoothed before its tops are looked for, as a share of the shorter side: texture is
finer than lamps."""
_GRID = 128
"""Pixels of the shorter side in which tops are looked for; larger pictures are reduced to it."""


@dataclass(frozen=True, eq=False)
class Top:
    """Where the light of a lamp is brightest.

    Attributes:
        at: (y, x) of that, pixels of the light.
        crest: (H,W) bool, what is at least `STANDS` times as bright around it; crests never overlap.
    """

    at: tuple[float, float]
    crest: BoolArray


@dataclass(frozen=True, eq=False)
class Lamp:
    """One of the lamps of a picture.

    Attributes:
        region: number of the region that it is in.
        top: where its light is brightest; None of a region whose light has no top.
        alone: it is the only lamp of its region.
    """

    region: int
    top: Top | None
    alone: bool


def lamps_in(light: Light, regions: Sequence[BoolArray]) -> list[Lamp]:
    """The lamps of a picture, region by region, the brightest one of each first.

    A region has as many as the light has tops in it; one without a top is a lamp for all that. Where regions overlap, a
    top is of the first, and a region whose tops are all of others has none.

    Args:
        light: of all of them. regions: (H,W) bool each.
    """
    tops, taken, found = tops_of(light), set[int](), list[Lamp]()
    for number, region in enumerate(regions):
        inside = {place for place, top in enumerate(tops) if region[round(top.at[0]), round(top.at[1])]}
        found += [Lamp(number, tops[place], alone=len(inside) == 1) for place in sorted(inside - taken)]
        if not inside:
            found.append(Lamp(number, None, alone=True))
        taken |= inside
    return found


def tops_of(light: Light) -> list[Top]:
    """The lamps that a light shows, the brightest first; none where there is no light.

    A top is a local maximum of the smoothed luminance whose height `STANDS` out: seen as mountains, whoever walks from
    it to higher ground has to go down by more than 1 - `STANDS` of it (its prominence as a share of its height).
    """
    height, width = light.layer.shape[:2]
    scale = max(1.0, min(height, width) / _GRID)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    luminance = np.asarray(light.layer @ np.array(REC_709, np.float32), np.float32)
    small = cv2.resize(luminance, size, interpolation=cv2.INTER_AREA)
    bright = np.asarray(cv2.GaussianBlur(small, (0, 0), SMOOTHED * min(small.shape)), np.float32)
    return [
        Top(
            ((y + 0.5) * height / size[1] - 0.5, (x + 0.5) * width / size[0] - 0.5),
            cv2.resize(crest.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(np.bool_),
        )
        for y, x, crest in _standing(bright)
    ]


def _standing(bright: FloatArray) -> list[tuple[int, int, BoolArray]]:
    """(y, x, crest) of each top that stands out.

    From the brightest maximum down, each decides for all that its crest holds: those are no higher, so that their own
    crests would hold this one's top.
    """
    highest = (bright == cv2.dilate(bright, np.ones((3, 3), np.uint8))) & (bright >= FAINT * bright.max())
    decided, found = bright <= 0, []
    rows, columns = np.nonzero(highest)
    for place in np.argsort(-bright[rows, columns], kind="stable"):
        y, x = int(rows[place]), int(columns[place])
        if decided[y, x]:
            continue
        _, labels = cv2.connectedComponents((bright >= STANDS * bright[y, x]).view(np.uint8), connectivity=8)
        crest: BoolArray = labels == labels[y, x]
        if bright[crest].max() <= bright[y, x]:
            found.append((y, x, crest))
        decided |= crest
    return found


def split_light(light: Light, lamps: Sequence[BoolArray]) -> list[Light]:
    """The light shared out between lamps: no share is below 0, and they add up to it everywhere, to 1e-6 of it.

    A lamp's share of a pixel's light goes with 1 / (1 + (d / reach)^2)^2, d the distance to the lamp: twice the inverse
    square, so that the nearest lamp has nearly all of it and there is no seam half-way.

    Args:
        light: of all of them.
        lamps: (H,W) bool each, such as the regions of a mask, or the crests of tops.

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
