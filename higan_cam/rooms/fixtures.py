"""Where the shades of the present lamps are, cheaply: no light is computed."""

from __future__ import annotations

import torch
from torch import Tensor

from higan_cam.rooms.layers import layers_of
from higan_cam.rooms.render import groups, share
from higan_cam.rooms.scene import LAMPS, Scene


def fixture_map(scene: Scene, resolution: int) -> Tensor:
    """(N,1,H,W) in [0,1]: opacity of the visible shades of all present lamps together."""
    opacity = torch.zeros(len(scene), 1, resolution, resolution)
    for layout, rows in groups(scene):
        part, at = scene.take(rows), torch.from_numpy(rows)
        present = torch.from_numpy(part.present) * share(part, layout).flatten()[:, None]
        total = (present @ shade_coverage(layout, resolution).flatten(1)).view(-1, 1, resolution, resolution)
        opacity.index_add_(0, at, total)
    return opacity.clamp_(max=1)


def shade_coverage(layout: int, resolution: int) -> Tensor:
    """(K,H,W) in [0,1]: coverage of each lamp's shade in one layout, `resolution` px a side."""
    coverage = torch.zeros(len(LAMPS), resolution, resolution)
    for shade, out in zip(layers_of(layout, resolution).shades, coverage, strict=True):
        out[shade.rows, shade.columns] = shade.alpha[0, 0]
    return coverage
