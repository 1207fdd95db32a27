"""Which part of a face each pixel shows, exactly: the uppermost shape at the pixel's centre."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.faces.colours import palette_of
from higan_cam.faces.layers import layers
from higan_cam.faces.render import CHUNK
from higan_cam.faces.scene import Scene, as_scene
from higan_cam.faces.shapes import pixel_centres
from higan_cam.worlds.factors import check_resolution


def label_map(source: Scene | npt.ArrayLike, resolution: int = 128) -> Tensor:
    """Latents (N,64) or a scene -> (N,resolution,resolution) uint8, places in `PARTS`.

    What is drawn on a part leaves it what it is: lashes, shadows, spectacles.

    Raises:
        ValueError: the resolution is not a positive multiple of 32, or z is not (N,64).
    """
    check_resolution(resolution)
    scene = as_scene(source)
    labels = torch.zeros(len(scene), resolution, resolution, dtype=torch.uint8)
    grid = pixel_centres(resolution)
    for start in range(0, len(scene), CHUNK):
        part = scene.take(np.arange(start, min(start + CHUNK, len(scene))))
        for place, layer in layers(part, grid, palette_of(part, grid)):
            if layer.label is not None:
                region = labels[(slice(start, start + CHUNK), *place)]
                region.masked_fill_(layer.distance < 0, layer.label)
    return labels
