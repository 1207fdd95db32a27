"""A small U-Net (Ronneberger et al. 2015): picture in, maps at half its side out. Students and segmenters are one each.

The picture's 2 x 2 squares become channels, so that nothing is ever computed at the full side; each level below halves
the side again. Batch normalisation follows every convolution, and is folded into it for inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from higan_cam.errors import ConfigError

SHRINK = 2
"""How many times smaller the maps' side is than the picture's."""


class UNet(nn.Module):
    """(N,3,S,S) in [-1,1] -> (N,outputs,S/2,S/2) logits; S divides by 2 to the number of levels.

    Args:
        channels: features of each level, from the largest side down; two levels or more.
        outputs: maps that it gives.

    Raises:
        ConfigError: fewer than two levels, or a level without a feature.
    """

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        if len(channels) < 2 or min(channels) < 1:
            raise ConfigError(f"channels: expected two levels or more of at least one feature, got {tuple(channels)}")
        self.channels = tuple(channels)
        steps = list(zip(self.channels, self.channels[1:], strict=False))
        self.first = _convolution(3 * SHRINK**2, self.channels[0])
        self.down = nn.ModuleList(nn.Sequential(_convolution(a, b, 2), _convolution(b, b)) for a, b in steps)
        self.up = nn.ModuleList(nn.Sequential(_convolution(a + b, a), _convolution(a, a)) for a, b in reversed(steps))
        self.head = nn.Conv2d(self.channels[0], outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.first(F.pixel_unshuffle(image, SHRINK))
        skipped = []
        for down in self.down:
            skipped.append(x)
            x = down(x)
        for up in self.up:
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skipped.pop()], dim=1))
        logits: Tensor = self.head(x)
        return logits

    def for_inference(self) -> Self:
        """Eval mode, parameters frozen, batch normalisation folded, the memory format that is fastest; in place."""
        self.eval().requires_grad_(False)
        for module in list(self.modules()):
            # Only `_convolution` pairs the two.
            if isinstance(module, nn.Sequential) and isinstance(module[1], nn.BatchNorm2d):
                module[0] = fuse_conv_bn_eval(cast(nn.Conv2d, module[0]), module[1])
                module[1] = nn.Identity()
        return self.requires_grad_(False).to(memory_format=torch.channels_last)

    @property
    def multiple(self) -> int:
        """What the side of a picture divides by, px."""
        return int(SHRINK * 2 ** (len(self.channels) - 1))


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
