"""The translator's network: picture and mask in, the lamp's linear light out.

pix2pix (Isola et al. 2017, arXiv:1611.07004) with its U-Net (Ronneberger et al. 2015), but for what it draws: light,
never below 0, that is added to the picture, so that it can be dimmed and coloured afterwards. Nothing in it behaves
otherwise in training than after it: no batch statistics, no dropout, upsampling by repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.relight.translator.norms import GROUPS, NORMS, Statistics

CHANNELS = (16, 32, 64, 96, 96)
"""Features of each level, the picture's own side first; each level halves the side."""
BETA = 4.0
"""Of the softplus that keeps light above 0."""
DIAL_FEATURES = 16


class Block(nn.Module):
    """Convolution, normalisation, the dial's scale and shift where there is a dial, SiLU."""

    def __init__(self, inputs: int, outputs: int, norm: str, *, dial: bool, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm = NORMS[norm](outputs)
        self.dial = nn.Linear(DIAL_FEATURES, 2 * outputs) if dial else None
        if self.dial is not None:  # a dial begins by changing nothing
            nn.init.zeros_(self.dial.weight)
            nn.init.zeros_(self.dial.bias)

    def forward(self, x: Tensor, turned: Tensor | None, statistics: Statistics | None = None) -> Tensor:
        """(N,C,h,w), (N,DIAL_FEATURES) -> (N,C',h',w')."""
        y: Tensor = self.norm(self.convolution(x), statistics)
        if self.dial is not None and turned is not None:
            scale, shift = self.dial(turned)[..., None, None].chunk(2, dim=1)
            y = y * (1 + scale) + shift
        return F.silu(y)


class Level(nn.ModuleList):
    """Blocks one after the other."""

    def forward(self, x: Tensor, turned: Tensor | None, statistics: Statistics | None = None) -> Tensor:
        """As `Block`."""
        for block in self:
            x = block(x, turned, statistics)
        return x


class TranslatorNetwork(nn.Module):
    """(N,3,H,W) in [-1,1], (N,1,H,W) in [0,1], (N,) gains -> (N,3,H,W) linear light, > 0; sides divide by `multiple`.

    Args:
        channels: features of each level, two levels or more.
        norm: a name of `NORMS`.
        condition: it is told where the lamp is; else it guesses.
        dial: it is told how strong the light is to be; else it gives that of gain 1.

    Raises:
        ConfigError: fewer than two levels, a level without a feature or, with groups, one that does not divide into
            them; an unknown norm.
    """

    def __init__(
        self, channels: Sequence[int] = CHANNELS, norm: str = "group", *, condition: bool = True, dial: bool = False
    ) -> None:
        super().__init__()
        _check(channels, norm)
        self.channels, self.norm, self.condition = tuple(channels), norm, condition
        steps = list(pairwise(self.channels))

        def block(inputs: int, outputs: int, stride: int = 1) -> Block:
            return Block(inputs, outputs, norm, dial=dial, stride=stride)

        self.dial = nn.Linear(1, DIAL_FEATURES) if dial else None
        self.first = block(3 + condition, self.channels[0])
        self.down = nn.ModuleList(Level([block(a, b, 2), block(b, b)]) for a, b in steps)
        self.up = nn.ModuleList(Level([block(a + b, a), block(a, a)]) for a, b in reversed(steps))
        self.head = nn.Conv2d(self.channels[0], 3, 1)

    def forward(
        self,
        picture: Tensor,
        condition: Tensor | None = None,
        gains: Tensor | None = None,
        statistics: Statistics | None = None,
    ) -> Tensor:
        """See the class; `statistics` are taken in a first look, and used in others. ValueError: what is missing."""
        return self.light(self.features(picture, condition, gains, statistics))

    def features(
        self,
        picture: Tensor,
        condition: Tensor | None = None,
        gains: Tensor | None = None,
        statistics: Statistics | None = None,
    ) -> Tensor:
        """(N,C,H,W), what may be computed in 16 bits; as `forward`."""
        if (self.condition and condition is None) or (self.dial is not None and gains is None):
            raise ValueError("this network looks at a mask or a gain that was not given")
        turned = None if self.dial is None or gains is None else F.silu(self.dial(gains[:, None]))
        shown = [picture, condition] if self.condition and condition is not None else [picture]
        x: Tensor = self.first(torch.cat(shown, dim=1), turned, statistics)
        skipped = []
        for down in self.down:
            skipped.append(x)
            x = down(x, turned, statistics)
        for up in self.up:
            x = torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skipped.pop()], dim=1)
            x = up(x, turned, statistics)
        return x

    def light(self, features: Tensor) -> Tensor:
        """(N,C,H,W) -> (N,3,H,W); light spans more than 16 bits tell apart."""
        found: Tensor = F.softplus(self.head(features.to(self.head.weight.dtype)), BETA)
        return found

    @property
    def multiple(self) -> int:
        """What the sides of a picture divide by, px."""
        return int(2 ** (len(self.channels) - 1))

    @property
    def reach(self) -> int:
        """How far away a pixel can have a say but through the statistics, px; `multiple` divides it.

        Level l has pixels of 2^l: one convolution on the first level and two on each other going down, two on each
        but the last going up, one pixel each way; and repetition shows a coarse pixel up to its own width away.
        """
        levels = len(self.channels)
        down = 1 + sum(2 ** (level - 1) + 2**level for level in range(1, levels))
        up = sum(2 * 2**level + 2**level for level in range(levels - 1))
        return int(-(-(down + up) // self.multiple) * self.multiple)


def _check(channels: Sequence[int], norm: str) -> None:
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    if len(channels) < 2 or min(channels) < 1:
        raise ConfigError(f"channels: expected two levels or more of at least one feature, got {tuple(channels)}")
    uneven = [each for each in channels if each % min(GROUPS, each)]
    if norm == "group" and uneven:
        raise ConfigError(f"channels: must divide into {GROUPS} groups for norm 'group', got {uneven[0]}")
