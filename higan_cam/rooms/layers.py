"""A layout as pixels: premultiplied slot layers, light pools and glows, painted once per resolution and cached.

Everything is painted at 4 times the resolution in linear light (sRGB squared, the same gamma 2 as the tone curve) and
averaged down, which is exact antialiasing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.rooms.layouts import LAYOUTS, Lamp, Layout, Slot
from higan_cam.rooms.shapes import Array, Patch
from higan_cam.worlds.factors import Float32Array

SUPERSAMPLING = 4
_POOL_SIGMA, _POOL_GAIN, _TAIL = 0.45, 1.25, 0.05
"""Radius of a light pool on walls, floor and ceiling (metres), its gain, and the share of its wider tail."""
_PICTURE_SIGMA = 0.085
"""Radius of the part of a pool that falls on furniture, picture widths."""


@dataclass(frozen=True)
class Layer:
    """One slot as pixels inside its bounding box.

    Attributes:
        presence, tint: as in `Slot`.
        rows, columns: the box.
        alpha: (1,1,h,w) coverage in [0,1].
        fixed: (1,3,h,w) linear colour times coverage, of untinted patches; None where there are none.
        tinted: (1,1,h,w) factor on the tint times coverage; None where there are none.
    """

    presence: str | None
    tint: str | None
    rows: slice
    columns: slice
    alpha: Tensor
    fixed: Tensor | None
    tinted: Tensor | None


@dataclass(frozen=True)
class Layers:
    """One layout at one resolution.

    Attributes:
        shell_fixed: (3,H,W) linear albedo of ceiling and skirting; `shell_wall`, `shell_floor`: (H,W) factors on tints.
        slots: furniture, in painting order; `shades`: the eight lamp shades, painted after them.
        light: (2+K,H,W) linear irradiance of [ambient, daylight, lamps ...].
        glow: (1+K,H,W) linear emission of [panes by day, lit shades ...].
    """

    shell_fixed: Tensor
    shell_wall: Tensor
    shell_floor: Tensor
    slots: tuple[Layer, ...]
    shades: tuple[Layer, ...]
    light: Tensor
    glow: Tensor


def _reduce(image: npt.NDArray[np.float32], size: int) -> Float32Array:
    """Average an image down to (size,size)."""
    reduced: Float32Array = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    return reduced


def paint(patches: list[Patch], size: int) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Opaque patches in order -> (size,size) coverage, (size,size,3) linear fixed colour, (size,size) tint factor."""
    canvas = size * SUPERSAMPLING
    alpha, fixed, tinted = (np.zeros((canvas, canvas, c), np.float32) for c in (1, 3, 1))
    for patch in patches:
        points = [np.round(np.clip(patch.points, -4, 5) * canvas - 0.5).astype(np.int32)]
        linear = [float(c) ** 2 for c in patch.colour]
        cv2.fillPoly(alpha, points, [1.0])
        cv2.fillPoly(fixed, points, [0.0] * 3 if patch.tinted else linear)
        cv2.fillPoly(tinted, points, [linear[0] if patch.tinted else 0.0])
    return _reduce(alpha, size), _reduce(fixed, size), _reduce(tinted, size)


def _layer(slot: Slot, size: int) -> Layer | None:
    """A slot's layer, cropped; None where nothing of it is in the picture."""
    parts = paint(slot.patches, size)
    if slot.blur:
        parts = tuple(cv2.GaussianBlur(p, (0, 0), slot.blur * size).astype(np.float32) for p in parts)  # type: ignore[assignment]
    alpha, fixed, tinted = (p * slot.opacity for p in parts)
    inside = alpha > 1e-3
    if not inside.any():
        return None
    rows, columns = (slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(inside))
    crop = (rows, columns)
    return Layer(
        slot.presence,
        slot.tint,
        rows,
        columns,
        torch.from_numpy(alpha[crop].copy())[None, None],
        torch.from_numpy(fixed[crop].transpose(2, 0, 1).copy())[None] if fixed.any() else None,
        torch.from_numpy(tinted[crop].copy())[None, None] if tinted.any() else None,
    )


def _shell(layout: Layout, size: int) -> tuple[Float32Array, Float32Array, Float32Array]:
    """(size,size,3) fixed albedo, (size,size) wall factor and floor factor: skirting, cornice, planks."""
    position, normal = layout.camera.cast(layout.room, size * SUPERSAMPLING)
    x, y, z = np.moveaxis(position, -1, 0)
    upright = np.abs(normal[..., 1]) < 0.5
    trim = upright & ((y < 0.11) | (y > layout.room.height - 0.05))
    white = trim | (normal[..., 1] < -0.5)
    side = np.where(np.abs(normal[..., 0]) > 0.5, 0.80, 1.0)
    plank = np.floor(x / 0.17)
    joint = np.floor(z / 0.9 + 0.37 * plank)
    tone = 0.90 + 0.10 * np.sin(12.9898 * plank + 78.233 * joint)
    fixed = np.repeat(np.where(white, 0.74 * np.where(trim, side, 1.0), 0.0)[..., None], 3, axis=2)
    wall = np.where(upright & ~trim, side, 0.0)
    floor = np.where(normal[..., 1] > 0.5, tone, 0.0)
    return tuple(_reduce(part.astype(np.float32), size) for part in (fixed, wall, floor))  # type: ignore[return-value]


def _ambient(position: Array, layout: Layout) -> Array:
    """(H,W) ambient light with soft corners: darker where two faces of the room meet."""
    x, y, z = np.moveaxis(position, -1, 0)
    room = layout.room
    gaps = np.stack([room.half_width - np.abs(x), y, room.height - y, -z], axis=-1)
    second = np.sort(gaps, axis=-1)[..., 1]
    dark: Array = 1.0 - 0.30 * np.exp(-second / 0.30)
    return dark


def _pool(source: tuple[float, float, float], position: Array, normal: Array, layout: Layout) -> Array:
    """(H,W) light of a lamp at `source`: a local pool on the room's shell with a mild tail, and one on furniture."""
    size = position.shape[0]
    away = position - np.array(source)
    distance = np.linalg.norm(away, axis=-1)
    facing = np.maximum(-(away * normal).sum(-1) / np.maximum(distance, 1e-6), 0.0)
    fall = np.exp(-(distance**2) / (2 * _POOL_SIGMA**2)) + _TAIL * np.exp(-distance / 1.2)
    grid = (np.arange(size) + 0.5) / size
    ((u, v),) = layout.camera.project(np.array([source]))
    apart = (grid[None, :] - u) ** 2 + (grid[:, None] - v) ** 2
    pool: Array = (0.35 + 0.65 * facing) * fall + 0.45 * np.exp(-apart / (2 * _PICTURE_SIGMA**2))
    return _POOL_GAIN * pool


def _shade_glow(lamp: Lamp, size: int) -> Float32Array:
    """(H,W) emission of a lit shade: its own pixels, brighter than anything else, with a slight bloom."""
    alpha, _, _ = paint(lamp.shade, size)
    bloom = cv2.GaussianBlur(alpha, (0, 0), 0.02 * size)
    return (1.9 * alpha + 0.25 * bloom).astype(np.float32)


@lru_cache(maxsize=8)
def layers_of(layout_index: int, resolution: int) -> Layers:
    """The layers of one layout at one resolution (pixels)."""
    layout = LAYOUTS[layout_index]()
    fixed, wall, floor = _shell(layout, resolution)
    carpet = Layer("carpet", "carpet", slice(None), slice(None), *_carpet(floor))
    slots = [layer for layer in (_layer(slot, resolution) for slot in layout.slots) if layer is not None]
    shades = [_layer(Slot(lamp.name, lamp.shade, lamp.name), resolution) for lamp in layout.lamps]
    position, normal = layout.camera.cast(layout.room, resolution)
    sources = [layout.panes_at, *(lamp.bulb for lamp in layout.lamps)]
    light = [_ambient(position, layout), *(_pool(source, position, normal, layout) for source in sources)]
    glow = [
        paint(layout.panes, resolution)[1][..., 0],
        *(_shade_glow(lamp, resolution) for lamp in layout.lamps),
    ]
    return Layers(
        torch.from_numpy(fixed.transpose(2, 0, 1).copy()),
        torch.from_numpy(wall),
        torch.from_numpy(floor),
        (carpet, *slots),
        tuple(shade for shade in shades if shade is not None),
        torch.from_numpy(np.stack(light).astype(np.float32)),
        torch.from_numpy(np.stack(glow).astype(np.float32)),
    )


def _carpet(floor: Float32Array) -> tuple[Tensor, None, Tensor]:
    """Coverage and tint factor of a carpet over the whole floor."""
    coverage = torch.from_numpy((floor > 0).astype(np.float32) * np.minimum(floor / max(floor.max(), 1e-6) * 3, 1.0))
    return coverage[None, None], None, coverage[None, None].clone()
