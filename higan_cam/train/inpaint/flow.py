"""Rectified flow between noise and a picture, with a network that predicts the picture; after Liu et al. 2022.

On the straight path x_t = (1 - t) x_0 + t e between the picture x_0 (t = 0) and Gaussian noise e (t = 1), the velocity
is dx/dt = e - x_0 = (x_t - x_0) / t. The network estimates x_0 from x_t, and sampling integrates the velocity with
Euler steps from t = 1 to 0. The last step ends on the estimate itself, so few steps give a blurrier answer, never a
noisy one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""(x_t (N,C,H,W), t (N,)) -> estimate of x_0."""


def noised(x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t on the path from x_0 (t = 0) to the noise (t = 1); x_0 and noise (N,C,H,W), t (N,) in [0,1]."""
    return torch.lerp(x0, noise, t[:, None, None, None])


@torch.no_grad()
def sample(denoiser: Denoiser, noise: Tensor, steps: int) -> Tensor:
    """Noise (N,C,H,W) -> x_0 in `steps` equal Euler steps; the last of them ends exactly on the network's estimate."""
    x = noise
    for step in range(steps, 0, -1):
        t = torch.full((len(x),), step / steps)
        # x - (1 / steps) (x - x_0) / t: the share 1 / step of what is left of the path
        x = torch.lerp(x, denoiser(x, t), 1 / step)
    return x


def keyed_noise(seed: int, index: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(N,*shape) standard normal noise, where row i depends on (seed, index[i]) alone."""
    draws = [torch.Generator().manual_seed(seed * 1_000_003 + int(number)) for number in index]
    return torch.stack([torch.randn(shape, generator=source) for source in draws])
