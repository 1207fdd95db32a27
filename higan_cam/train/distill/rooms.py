"""The rooms as a world to distil: how their factors are laid out in w, and what matters in their pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from higan_cam.rooms import fixture_map, render, scene_of
from higan_cam.rooms.scene import FACTORS, PRODUCTS, Z_DIM, factors
from higan_cam.train.distill.evaluate import image_metrics
from higan_cam.train.distill.mapping import ClippedFactor, Product
from higan_cam.train.distill.world import ToyWorld, clipped
from higan_cam.types import FloatArray

W_DIM = 128

SCALES = {"layout": 3.0, "style": 2.0, "presence": 2.0, "colour": 1.5, "exposure": 1.5, "lamp": 3.0, "drive": 0.6}
"""How far apart values that differ by 1 lie in w, by role: structure wide, the lamps' drive narrow (see `mapping`)."""


def rooms_world() -> ToyWorld:
    """Bedrooms; their lamps matter most."""
    return ToyWorld(
        z_dim=Z_DIM,
        factors=rooms_factors(),
        products=rooms_products(),
        w_dim=W_DIM,
        mapping_width=W_DIM,
        values=factors,
        draw=_draw,
        design=_design,
        measure=image_metrics,
    )


def rooms_factors() -> list[ClippedFactor]:
    """Every factor of `rooms.scene.FACTORS`, in its order, with its spread in w."""
    return [clipped(factor, SCALES) for factor in FACTORS]


def rooms_products() -> list[Product]:
    """The products the renderer uses, but for those with a drive.

    That a lamp shines only where there is one is left to the synthesis network: with lamp x drive as a direction of its
    own, every linear boundary would run along it and light lamps that do not exist.
    """
    pairs = [pair for pair in PRODUCTS if "drive" not in (FACTORS[pair[0]].role, FACTORS[pair[1]].role)]
    return [Product(a, b, min(SCALES[FACTORS[a].role], SCALES[FACTORS[b].role])) for a, b in pairs]


def _draw(z: FloatArray, side: int) -> tuple[Tensor, Tensor]:
    """Renders, and where their visible fixtures are."""
    scene = scene_of(z)
    return render(scene, side), fixture_map(scene, side)


def _design(values: Tensor) -> Tensor:
    """Every factor, one, and every factor in the second layout."""
    return torch.cat([values, torch.ones(len(values), 1), values[:, :1] * values], dim=1)
