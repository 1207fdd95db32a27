"""Training in well-conditioned coordinates of w, then folding them away.

The factors in w are positive and differently spread (mapping), which would make a style layer's gradient one large
common direction and many small ones. So the synthesis network trains on u = (w - mean) / deviation, and afterwards
every style layer s = A u + b becomes A / deviation and b - A (mean / deviation): the same function of w.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.generate.stylegan2 import Dense, StyleGAN2
from higan_cam.train.distill.latents import as_tensor, setup_latents

SAMPLES = 20_000


@dataclass(frozen=True)
class Whitening:
    """Mean and deviation of each component of w; both (w_dim,)."""

    mean: Tensor
    deviation: Tensor

    def to(self, device: str) -> Whitening:
        """The same, for a generator that computes there."""
        return Whitening(self.mean.to(device), self.deviation.to(device))

    def codes(self, generator: StyleGAN2, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,L,w_dim) whitened codes, for a generator whose whitening is not folded yet."""
        with torch.no_grad():
            return generator.truncate((generator.map(z) - self.mean) / self.deviation)


@torch.no_grad()
def measure_whitening(generator: StyleGAN2) -> Whitening:
    """From 20,000 latents; components that never vary keep deviation 1."""
    w = generator.map(as_tensor(setup_latents(SAMPLES, generator.z_dim)))
    deviation = w.std(dim=0)
    return Whitening(w.mean(dim=0), torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))


@torch.no_grad()
def fold_whitening(generator: StyleGAN2, whitening: Whitening) -> None:
    """Rewrite every style layer so that the generator takes w itself; in place."""
    for name, module in generator.synthesis.named_modules():
        if name.endswith(".style") and isinstance(module, Dense):
            weight = module.fc.weight / whitening.deviation
            module.bias.sub_((weight @ whitening.mean) * (module.weight_scale / module.lr))
            module.fc.weight.copy_(weight)
