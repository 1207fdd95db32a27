"""What distillation has to know of a procedural world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.distill.mapping import ClippedFactor, Product, install_mapping, solve_mapping
from higan_cam.types import FloatArray
from higan_cam.worlds.factors import FactorSpec

MAPPING_LAYERS = 3


@dataclass(frozen=True, eq=False)
class ToyWorld:
    """A world whose pictures are a closed form of z.

    Attributes:
        z_dim: length of its latents.
        factors, products: what w is made of; see `mapping`.
        w_dim, mapping_width: of the generator that is distilled from it.
        values: (N,z_dim) latents -> (N,F) float32, the columns of `factors`.
        draw: latents and side >= 64 px -> pictures (N,3,R,R) in [-1,1], and (N,1,R,R) >= 0, how much more than the rest
            each pixel matters.
        design: (N,F) values -> (N,D) features whose best linear map to pixels gives the first noise maps.
        measure: generator and count of held-out latents -> figures of its samples against the renders.
    """

    z_dim: int
    factors: list[ClippedFactor]
    products: list[Product]
    w_dim: int
    mapping_width: int
    values: Callable[[FloatArray], FloatArray]
    draw: Callable[[FloatArray, int], tuple[Tensor, Tensor]]
    design: Callable[[Tensor], Tensor]
    measure: Callable[[StyleGAN2, int], dict[str, float]]

    def install(self, generator: StyleGAN2) -> None:
        """Give a generator with 3 mapping layers this world's mapping, frozen."""
        layers = solve_mapping(self.factors, self.products, self.mapping_width, self.w_dim)
        install_mapping(generator, layers)


def clipped(factor: FactorSpec, per_unit: Mapping[str, float]) -> ClippedFactor:
    """A factor of a world as one of w, by how far apart values that differ by 1 lie in w for its role."""
    rest = (factor.slope, factor.shift, factor.low, factor.high)
    return ClippedFactor(factor.weights, *rest, per_unit[factor.role])
