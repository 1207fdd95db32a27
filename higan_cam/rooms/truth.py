"""What is really lit: fixtures, the light each lamp adds, and the lighting level of a scene."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.rooms.fixtures import shade_coverage
from higan_cam.rooms.layers import layers_of
from higan_cam.rooms.render import (
    Linear,
    as_scene,
    groups,
    lamp_light,
    linear,
    share,
    strength,
    tone,
)
from higan_cam.rooms.scene import LAMPS, Scene
from higan_cam.worlds.factors import Float32Array, check_resolution

REC_709 = (0.2126, 0.7152, 0.0722)
"""Rec. 709 weights, applied to display values in [0,1]."""
LIT = 0.25
"""A pixel is lit where the lamps add more than this share of what they add at the brightest pixel."""
LEVEL_MAX = 3.0
_LEVEL_SCALE = 0.085
"""Total lamp light at which the level reaches 1 - 1/e of its maximum."""
_TYPICAL_ALBEDO, _LEVEL_RESOLUTION = 0.35, 64
_CHUNK = 32


@dataclass(frozen=True)
class Truth:
    """Ground truth of N scenes with K = 8 lamp slots.

    Attributes:
        present: (N,K) bool, the lamp exists (its factor is above one half).
        drive: (N,K) float32 in [-1,2]; brightness: (N,K) float32 in [0,1]; both also for absent lamps.
        fixture: (N,K,H,W) bool, visible shade of each present lamp; empty for absent ones.
        light: (N,K,H,W) float32, display luminance in [0,1] that lamp k adds fully on compared with off, everything
            else as in the scene; 0 for absent lamps.
        level: (N,) float32 in [0,3], see `level`.
    """

    present: npt.NDArray[np.bool_]
    drive: Float32Array
    brightness: Float32Array
    fixture: Tensor
    light: Tensor
    level: Float32Array


def _luminance(image: Tensor) -> Tensor:
    """(n,3,H,W) display values -> (n,H,W)."""
    return torch.einsum("nchw,c->nhw", image, torch.tensor(REC_709))


def _lights(parts: Linear, scene: Scene) -> Tensor:
    """(n,K,H,W) luminance gain of each lamp in one layout."""
    burning = strength(scene)
    present = torch.from_numpy(scene.present)
    n, lamps = burning.shape
    light = torch.zeros(n, lamps, *parts.albedo.shape[-2:])
    for k in range(lamps):
        rows = torch.nonzero(present[:, k] > 0)[:, 0]
        chosen = Linear(parts.albedo[rows], parts.unlit[rows], parts.layers)
        alone, others = torch.zeros(len(rows), lamps), burning[rows].clone()
        alone[:, k], others[:, k] = present[rows, k], 0.0
        off = chosen.unlit + lamp_light(chosen, others)
        light[rows, k] = _luminance(tone(off + lamp_light(chosen, alone)) - tone(off))
    return light


def truth(source: Scene | npt.ArrayLike, resolution: int = 128) -> Truth:
    """The ground truth of latents (N,128) or a scene, at `resolution` pixels.

    Raises:
        ValueError: the resolution is not a positive multiple of 32, or z is not (N,128).
    """
    check_resolution(resolution)
    scene = as_scene(source)
    coverage = torch.zeros(len(scene), len(LAMPS), resolution, resolution)
    light = torch.zeros_like(coverage)
    for layout, rows in groups(scene):
        shades = shade_coverage(layout, resolution)
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            part, at = scene.take(chunk), torch.from_numpy(chunk)
            weight = share(part, layout)
            light.index_add_(0, at, _lights(linear(part, layout, resolution), part).mul_(weight))
            opacity = torch.from_numpy(part.present)[:, :, None, None] * weight
            coverage.index_add_(0, at, opacity * shades)
    present = scene.present > 0.5
    return Truth(present, scene.drive, scene.brightness, coverage > 0.5, light, level(scene))


@lru_cache(maxsize=1)
def _mean_light() -> Float32Array:
    """(2,K) mean linear light of each layout's lamps over the picture; the same whatever the scene's resolution."""
    means = []
    for layout in range(2):
        layers = layers_of(layout, _LEVEL_RESOLUTION)
        total = _TYPICAL_ALBEDO * layers.light[2:] + layers.glow[1:]
        means.append(total.mean(dim=(1, 2)).numpy())
    return np.stack(means).astype(np.float32)


def level(source: Scene | npt.ArrayLike) -> Float32Array:
    """(N,) lighting level in [0,3): 3 (1 - exp(-x / x0)), x the total light of the lamps that burn.

    x = sum over present lamps of brightness x the lamp's mean light over the picture; windows, exposure and colours do
    not count. It rises with every present lamp's drive until the lamp is off or fully lit.
    """
    scene = as_scene(source)
    means = _mean_light()
    weight = scene.layout[:, None]
    per_lamp = (1.0 - weight) * means[0] + weight * means[1]
    total = (scene.present * scene.brightness * per_lamp).sum(axis=1)
    levels: Float32Array = (LEVEL_MAX * -np.expm1(-total / _LEVEL_SCALE)).astype(np.float32)
    return levels


def ordinal(levels: Float32Array) -> npt.NDArray[np.int64]:
    """Levels in [0,3] -> the nearest of the four classes 0..3."""
    return np.clip(np.rint(levels), 0, 3).astype(np.int64)
