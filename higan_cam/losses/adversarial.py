"""Losses of a generator against a discriminator: on logits, and the penalties that keep the discriminator gentle.

Everything is differentiable twice, with respect to what the discriminator saw: penalties are gradients of gradients,
and are taken in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Game:
    """What each side loses. Arguments are (N,) logits of reals and of samples; results scalars.

    Attributes:
        paired: the generator's loss needs the reals' logits too.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    paired: bool = False


def _both(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


GAMES = {
    "non_saturating": Game(_both, lambda _, fake: F.softplus(-fake).mean()),
    "relativistic": Game(
        lambda real, fake: F.softplus(fake - real).mean(),
        lambda real, fake: F.softplus(real - fake).mean(),
        paired=True,
    ),
    "least_squares": Game(
        lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
        lambda _, fake: (fake - 1).square().mean(),
    ),
}
"""`non_saturating` (Goodfellow et al. 2014, arXiv:1406.2661) and `relativistic` pairing, each sample against one real
(Jolicoeur-Martineau 2018, arXiv:1807.00734; with R1 and R2 as Huang et al. 2024, arXiv:2501.05441);
`least_squares` (Mao et al. 2017, arXiv:1611.04076), halved for the discriminator as in CycleGAN."""


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Mean over pictures of the squared length of d logit / d picture: R1 on reals, R2 on samples (Mescheder et al.
    2018, arXiv:1801.04406), before the factor gamma / 2.

    Args:
        images: (N,C,H,W) as the discriminator sees them, augmentation included, so that nothing is derived through it.
    """
    with torch.autocast(images.device.type, enabled=False):
        seen = images.detach().float().requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(seen).sum(), seen, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(images: Tensor, w_plus: Tensor, noise: Tensor) -> Tensor:
    """(N,) lengths of J^T y, how far a step in w+ moves the picture (Karras et al. 2020, arXiv:1912.04958, eq. 4).

    Args:
        images: (N,C,H,W) drawn from `w_plus` (N,L,D), with history. noise: y, standard normal, of the pictures' shape.
    """
    scaled = noise / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * scaled).sum(), w_plus, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()
