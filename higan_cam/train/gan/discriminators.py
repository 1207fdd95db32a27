"""Discriminators: pictures -> logits, high for what looks real."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate import from_uint8
from higan_cam.generate.base import normal, outer_square
from higan_cam.generate.stylegan2 import ACTIVATION_GAIN, Dense
from higan_cam.types import ByteArray, FloatArray

GROUP = 4
"""Pictures that are compared with each other; the same ones on any number of workers whose share they divide."""


def with_spread(x: Tensor) -> Tensor:
    """(N,C,h,w) -> (N,C+1,h,w): how much pictures of a group differ, as one more map (Karras et al. 2018, section 3).

    Samples that are all alike are told by it. Groups are `GROUP` neighbours, or all where they do not divide so.
    """
    count, channels, height, width = x.shape
    group = GROUP if count % GROUP == 0 else count
    parts = x.float().view(count // group, group, channels, height, width)
    spread = (parts.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    maps = spread.repeat_interleave(group)[:, None, None, None].expand(count, 1, height, width)
    return torch.cat([x, maps.to(x.dtype)], dim=1)


class EqualConv(nn.Module):
    """Convolution with equalised learning rate; halves the side where asked, after a blur.

    Parameters: `weight` (out,in,k,k), and `bias` (out,) where it is activated.
    """

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, down: bool = False, activated: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(normal(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if activated else None
        self.scale, self.down, self.size = 1 / math.sqrt(inputs * size * size), down, size
        self.register_buffer("kernel", outer_square((0.125, 0.375, 0.375, 0.125))[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N,in,h,w) -> (N,out,h,w), or half the side."""
        weight = self.weight * self.scale
        if self.down:  # the filter's four taps and the kernel see the picture with that much beyond its border
            beyond = (self.size + 2) // 2, (self.size + 1) // 2
            padded = F.pad(x, (*beyond, *beyond))
            x = F.conv2d(padded, self.kernel.expand(x.shape[1], 1, 4, 4).to(x.dtype), groups=x.shape[1])
            y = F.conv2d(x, weight, stride=2)
        else:
            y = F.conv2d(x, weight, padding=self.size // 2)
        if self.bias is None:
            return y
        return F.leaky_relu(y + self.bias.to(y.dtype)[:, None, None], 0.2) * ACTIVATION_GAIN


class _Halving(nn.Module):
    """Residual block: two convolutions, the second halving, beside a 1 x 1 that halves."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EqualConv(inputs, inputs, 3), EqualConv(inputs, outputs, 3, down=True)
        self.skip = EqualConv(inputs, outputs, 1, down=True, activated=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = (self.second(self.first(x)) + self.skip(x)) / math.sqrt(2)
        return y


class Discriminator(nn.Module):
    """Pictures (N,3,S,S) in [-1,1] -> (N,) logits."""

    def halving(self) -> list[nn.Module]:
        """The layers that halve the picture, from its side on: each a group whose parameters are frozen together."""
        raise NotImplementedError


class ResidualDiscriminator(Discriminator):
    """StyleGAN2's (Karras et al. 2020, arXiv:1912.04958, figure 7): residual blocks from the picture's side to 4 px.

    Args:
        channels: from 4 px up, one for each side to the picture's.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        *coarser, finest = channels
        pairs = zip((finest, *reversed(coarser)), reversed(coarser), strict=False)
        self.picture = EqualConv(3, finest, 1)
        self.blocks = nn.Sequential(*(_Halving(inputs, outputs) for inputs, outputs in pairs))
        last = channels[0]
        self.last = EqualConv(last + 1, last, 3)
        self.hidden, self.logit = Dense(16 * last, last), Dense(last, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(N,3,S,S) in [-1,1] -> (N,) logits."""
        x = self.last(with_spread(self.blocks(self.picture(images))))
        x = F.leaky_relu(self.hidden(x.flatten(1)), 0.2) * ACTIVATION_GAIN
        logits: Tensor = self.logit(x)[:, 0]
        return logits

    def halving(self) -> list[nn.Module]:
        """The blocks; the first with the 1 x 1 convolution before it."""
        first, *others = self.blocks
        return [nn.ModuleList([self.picture, first]), *others]


class PlainDiscriminator(Discriminator):
    """DCGAN's (Radford et al. 2016, arXiv:1511.06434), without batch norm, which R1 does not go with, and with the
    spread over pictures in its last convolution.

    Args:
        channels: from 4 px up to half the picture's side, as the generator's.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        widths = (3, *reversed(channels))
        self.main = nn.Sequential()
        for inputs, outputs in pairwise(widths):
            self.main.extend([nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.2)])
        self.logit = nn.Conv2d(widths[-1] + 1, 1, 4)

    def forward(self, images: Tensor) -> Tensor:
        """(N,3,S,S) in [-1,1] -> (N,) logits."""
        logits: Tensor = self.logit(with_spread(self.main(images)))
        return logits.flatten()

    def halving(self) -> list[nn.Module]:
        """The convolutions but for the last."""
        return [module for module in self.main if isinstance(module, nn.Conv2d)]


@torch.no_grad()
def asked(discriminator: nn.Module, pictures: ByteArray, most: int) -> FloatArray:
    """(n,) logits of up to `most` of (N,S,S,3) uint8 pictures: evenly chosen, as neighbours in a folder are alike.

    Whole groups only, so none of fewer than `GROUP`. Computed where the discriminator is.
    """
    number = min(len(pictures), most) // GROUP * GROUP
    if not number:
        return np.zeros(0)
    images = from_uint8(pictures[np.linspace(0, len(pictures) - 1, number).astype(int)])
    device = next((each.device for each in discriminator.parameters()), torch.device("cpu"))
    found = [discriminator(some.to(device)) for some in images.split(25 * GROUP)]
    logits: FloatArray = torch.cat(found).float().cpu().numpy()
    return logits


def discriminator_of(network: str, channels: Sequence[int]) -> Discriminator:
    """The one that goes with a generator of that name and those channels, at random weights."""
    return PlainDiscriminator(channels) if network == "dcgan" else ResidualDiscriminator(channels)
