"""A discriminator of patches: which parts of a picture look right beside what it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 96)
BESIDE, ALONE = 7, 3
"""Channels."""


class PatchDiscriminator(nn.Sequential):
    """PatchGAN (Isola et al. 2017, arXiv:1611.07004, section 3.2.2): (N,C,H,W) -> (N,1,h,w) logits, high for patches
    that look real. Normalised within each picture, so that a picture is judged by itself.

    Args:
        widths: features after each halving of the side.
        seen: C; `BESIDE` shows the picture before, the mask and the picture after, `ALONE` a picture by itself.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, seen: int = BESIDE) -> None:
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(pairwise((seen, *widths))):
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1))
            if number:
                layers.append(nn.GroupNorm(8, outputs))
            layers.append(nn.LeakyReLU(0.2))
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def logits(self, *shown: Tensor) -> Tensor:
        """(N,C,H,W) parts of what it is shown -> (patches,) logits of all of them."""
        found: Tensor = self(torch.cat(shown, dim=1))
        return found.flatten()
