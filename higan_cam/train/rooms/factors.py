"""How the rooms' factors are laid out in the embedded generator's w."""

from __future__ import annotations

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.rooms.scene import FACTORS, PRODUCTS
from higan_cam.train.rooms.mapping import ClippedFactor, Product, install_mapping, solve_mapping
from higan_cam.worlds.factors import FactorSpec

MAPPING_LAYERS = 3
W_DIM = 128

SCALES = {"layout": 3.0, "style": 2.0, "presence": 2.0, "colour": 1.5, "exposure": 1.5, "lamp": 3.0, "drive": 0.6}
"""Spread in w of a factor between its two ends, by role: structure wide, the lamps' drive narrow (see `mapping`)."""


def rooms_factors() -> list[ClippedFactor]:
    """Every factor of `rooms.scene.FACTORS`, in its order, with its spread in w."""
    return [_clipped(factor) for factor in FACTORS]


def rooms_products() -> list[Product]:
    """The products the renderer uses, but for those with a drive.

    That a lamp shines only where there is one is left to the synthesis network: with lamp x drive as a direction of its
    own, every linear boundary would run along it and light lamps that do not exist.
    """
    pairs = [pair for pair in PRODUCTS if "drive" not in (FACTORS[pair[0]].role, FACTORS[pair[1]].role)]
    return [Product(a, b, min(SCALES[FACTORS[a].role], SCALES[FACTORS[b].role])) for a, b in pairs]


def install_rooms_mapping(generator: StyleGAN2) -> None:
    """Give a generator with 3 mapping layers the rooms' mapping, frozen."""
    hidden = generator.mapping.get_submodule("dense1").get_parameter("bias").shape[0]
    install_mapping(generator, solve_mapping(rooms_factors(), rooms_products(), hidden, generator.w_dim))


def _clipped(factor: FactorSpec) -> ClippedFactor:
    spread = factor.high - factor.low
    per_unit = SCALES[factor.role] if factor.role == "drive" else SCALES[factor.role] / spread
    return ClippedFactor(factor.weights, factor.slope, factor.shift, factor.low, factor.high, per_unit)
