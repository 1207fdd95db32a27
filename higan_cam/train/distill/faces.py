"""The faces as a world to distil: how their factors are laid out in w, what matters in pictures, what samples show.

A property is read off a sample by drawing: the render of the same face that is nearest to it when that property alone
is changed says what the sample shows. No network is trained for it, and renders read as what they are.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.faces import properties, render, scene_of
from higan_cam.faces.scene import FACTORS, PROPERTIES, Z_DIM, Scene, factors, span
from higan_cam.faces.truth import part_masks
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.distill.evaluate import generate, psnr
from higan_cam.train.distill.latents import held_out_latents
from higan_cam.train.distill.world import ToyWorld, clipped
from higan_cam.types import FloatArray

W_DIM, MAPPING_WIDTH = 32, 64
SCALES = {"property": 4.0, "turn": 2.0, "glasses": 3.0, "colour": 2.0, "shape": 1.5}
"""How far apart values that differ by 1 lie in w, by role: an edit of a few units runs from one end of a property to
the other."""
IMPORTANCE = {"eyes": 2.0, "mouth": 2.0, "brows": 1.0, "nose": 1.0}
"""How much more than the rest the pixels of some of `faces.truth.PARTS` matter."""
HINGES = (0.2, 0.4, 0.6, 0.8)
READINGS = 33
"""Values of a property that a sample is compared with."""


def faces_world() -> ToyWorld:
    """Drawn faces; their eyes and mouths matter most."""
    return ToyWorld(
        z_dim=Z_DIM,
        factors=[clipped(factor, SCALES) for factor in FACTORS],
        products=[],
        w_dim=W_DIM,
        mapping_width=MAPPING_WIDTH,
        values=factors,
        draw=_draw,
        design=_design,
        measure=face_metrics,
    )


def face_metrics(generator: StyleGAN2, count: int) -> dict[str, float]:
    """PSNR in dB against the renders of held-out latents: whole, at eyes and mouths; and how properties agree.

    For each property the Pearson correlation of what samples show with the truth, and the mean absolute difference as a
    share of its range.
    """
    z = held_out_latents(count, Z_DIM)
    scene, images = scene_of(z), generate(generator, z)
    error = images - render(scene, generator.resolution)
    parts = part_masks(scene, generator.resolution)
    metrics = {"psnr_db": psnr(error)}
    for name in ("eyes", "mouth"):
        metrics[f"psnr_{name}_db"] = psnr(error[parts[name][:, None].expand_as(error)])
    for name, true in properties(scene).items():
        if name in PROPERTIES:
            shown = read_property(images, scene, name)
            metrics[f"{name}_pearson"] = float(np.corrcoef(shown, true)[0, 1])
            metrics[f"{name}_mae"] = float(np.abs(shown - true).mean()) / (span(name)[1] - span(name)[0])
    return metrics


def read_property(images: Tensor, scene: Scene, name: str) -> FloatArray:
    """(N,) the value of a property with which the render of each face is nearest to its (N,3,R,R) image."""
    values = np.linspace(*span(name), READINGS, dtype=np.float32)
    errors = [
        (render(scene.with_value(name, float(value)), images.shape[-1]) - images).square().mean(dim=(1, 2, 3))
        for value in values
    ]
    nearest: FloatArray = values[torch.stack(errors).argmin(dim=0).numpy()]
    return nearest


def _draw(z: FloatArray, side: int) -> tuple[Tensor, Tensor]:
    """Renders, and how much their parts matter, up to one pixel around them."""
    scene = scene_of(z)
    parts = part_masks(scene, side)
    importance = torch.stack([weight * parts[name] for name, weight in IMPORTANCE.items()]).sum(dim=0)[:, None]
    return render(scene, side), F.max_pool2d(importance, 3, stride=1, padding=1)


def _design(values: Tensor) -> Tensor:
    """Every factor, one, and ramps of the properties from several of their values on: edges move with them."""
    ramps = []
    for column, factor in enumerate(FACTORS):
        if factor.role in ("property", "turn"):
            low, high = span(factor.name)
            ramps += [(values[:, column] - low - share * (high - low)).clamp(0, high - low) for share in HINGES]
    return torch.cat([values, torch.ones(len(values), 1), torch.stack(ramps, dim=1)], dim=1)
