"""Noise maps that an optimiser may move have to stay noise (Karras et al. 2020, StyleGAN2, appendix D).

A picture can be hidden in them otherwise, which neither edits nor truncation would see.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALLEST = 8
"""Side down to which neighbours are compared, pixels."""


def noise_regulariser(maps: Sequence[Tensor]) -> Tensor:
    """How alike neighbours are, at every scale: (N,C,h,w) maps -> (N,).

    Sum over maps, and over each map halved (means of 2 x 2) until its side is at most 8, of E[n * n moved by 1 in x]^2
    + E[n * n moved by 1 in y]^2, the map closed to a torus; E is over a picture's own channels and pixels. About 0 for
    white noise.
    """
    return torch.stack([_alike(scale) for each in maps for scale in _scales(each)]).sum(dim=0)


def normalised_noise(maps: Sequence[Tensor]) -> list[Tensor]:
    """Every (N,C,h,w) map shifted and scaled to mean 0 and standard deviation 1 (unbiased), a picture at a time.

    As the projector of rosinality's StyleGAN2; NVIDIA's divides by the root of the mean square. Constant maps become 0.
    """
    return [_normalised(each) for each in maps]


def _scales(noise: Tensor) -> list[Tensor]:
    scales = [noise]
    while scales[-1].shape[-1] > _SMALLEST:
        scales.append(F.avg_pool2d(scales[-1], 2))
    return scales


def _alike(noise: Tensor) -> Tensor:
    """(N,C,h,w) -> (N,) squared autocorrelation at distance one, in x plus in y."""
    products = [noise * noise.roll(1, dims=dim) for dim in (3, 2)]
    return torch.stack([product.mean(dim=(1, 2, 3)).square() for product in products]).sum(dim=0)


def _normalised(noise: Tensor) -> Tensor:
    centred = noise - noise.mean(dim=(1, 2, 3), keepdim=True)
    deviation = centred.std(dim=(1, 2, 3), keepdim=True)
    return centred / torch.where(deviation > 0, deviation, 1)
