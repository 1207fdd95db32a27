"""Rooms whose lamps are switched on: pictures with every lamp off, some of the lamps, and the very light they add."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.rooms.fixtures import shade_coverage
from higan_cam.rooms.nuisances import levels
from higan_cam.rooms.render import lamp_light, linear, tone
from higan_cam.rooms.scene import LAMPS, Scene
from higan_cam.types import BoolArray, ByteArray

COMES_ON = 0.6
"""Chance of each lamp that there is."""
DRAWS = len(LAMPS) + 1
"""Uniforms that decide which come on."""


@dataclass(frozen=True, eq=False)
class Switched:
    """N rooms before some of their lamps come on.

    Attributes:
        unlit: (N,S,S,3) uint8, every lamp off.
        shades: (N,1,S,S) float32, 0 or 1: the visible shades of the lamps that come on.
        light: (N,3,S,S) float32 linear light that these add.
    """

    unlit: ByteArray
    shades: Tensor
    light: Tensor


def whole(scene: Scene) -> Scene:
    """The rooms in one layout or the other, where a latent is in between; lamps there or not."""
    return replace(scene, layout=np.rint(scene.layout), present=np.rint(scene.present))


def lamps_on(present: BoolArray, draws: npt.NDArray[np.float64]) -> BoolArray:
    """(K,) which lamps come on: each that there is by `COMES_ON`, one at least.

    Args:
        present: (K,). draws: (`DRAWS`,) uniforms, one for each lamp and one for the one at least.
    """
    on: BoolArray = present & (draws[: len(present)] < COMES_ON)
    there = np.flatnonzero(present)
    if len(there) and not on.any():
        on[there[int(draws[len(present)] * len(there))]] = True
    return on


def switch_on(scene: Scene, burning: BoolArray, side: int) -> Switched:
    """Rooms of whole layouts, of which the lamps (N,K) come on."""
    count = len(scene)
    unlit, light = np.empty((count, side, side, 3), np.uint8), torch.empty(count, 3, side, side)
    shades = torch.empty(count, 1, side, side)
    strength = torch.from_numpy(burning.astype(np.float32))
    for layout in (0, 1):
        rows = np.flatnonzero(scene.layout == layout)
        if not len(rows):
            continue
        at, parts = torch.from_numpy(rows), linear(scene.take(rows), layout, side)
        unlit[rows] = levels(tone(parts.unlit).permute(0, 2, 3, 1).numpy())
        light[at] = lamp_light(parts, strength[at])
        covered = (strength[at] @ shade_coverage(layout, side).flatten(1)).view(-1, 1, side, side)
        shades[at] = (covered > 0.5).float()
    return Switched(unlit, shades, light)
