"""Scenes to pictures: the layers of a face painted over each other, their outlines smooth over one pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.faces.colours import palette_of
from higan_cam.faces.layers import Layer, layers
from higan_cam.faces.scene import Scene, as_scene
from higan_cam.faces.shapes import pixel_centres
from higan_cam.worlds.factors import check_resolution

CHUNK = 16
"""Faces painted at a time: what fits into a processor's cache is painted faster."""


def render(source: Scene | npt.ArrayLike, resolution: int = 128) -> Tensor:
    """Latents (N,64) or a scene -> pictures (N,3,resolution,resolution) float32 in [-1,1].

    Raises:
        ValueError: the resolution is not a positive multiple of 32, or z is not (N,64).
    """
    check_resolution(resolution)
    scene = as_scene(source)
    image = torch.empty(len(scene), 3, resolution, resolution)
    for start in range(0, len(scene), CHUNK):
        part = scene.take(np.arange(start, min(start + CHUNK, len(scene))))
        image[start : start + CHUNK] = _paint(part, resolution)
    return image.clamp_(0, 1).mul_(2).sub_(1)


def _paint(scene: Scene, resolution: int) -> Tensor:
    grid = pixel_centres(resolution)
    palette = palette_of(scene, grid)
    picture = palette.background.expand(len(scene), 3, resolution, resolution).clone()
    for place, layer in layers(scene, grid, palette):
        at = (..., *place)
        colour = layer.colour if layer.colour.shape[-1] == 1 else layer.colour[at]
        region = picture[at]
        region.lerp_(colour.expand_as(region), coverage(layer, resolution)[:, None])
    return picture


def coverage(layer: Layer, resolution: int) -> Tensor:
    """(N,R,R) in [0,1]: how much of each pixel the layer hides."""
    width = 2 / resolution + layer.soft
    return (0.5 - layer.distance / width).clamp_(0, 1) * layer.opacity
