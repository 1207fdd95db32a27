"""The upscaler's network: a small picture in, what its bicubic enlargement lacks out.

EDSR (Lim et al. 2017, arXiv:1707.02921), residual blocks without normalisation at the small side, and ESPCN's sub-pixel
convolution (Shi et al. 2016, arXiv:1609.05158) at the end. Its last layer begins at 0, so that training begins at the
bicubic picture. Nothing in it behaves otherwise in training than after it, and nothing knows a picture's size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import ConfigError

SCALES = (2, 4)


def enlarged(small: Tensor, scale: int) -> Tensor:
    """(N,3,h,w) -> (N,3,scale h,scale w), bicubic, of the same range and a little beyond."""
    return F.interpolate(small, scale_factor=scale, mode="bicubic", align_corners=False)


class Residual(nn.Module):
    """Two convolutions, added to what went in."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, 1, 1)
        self.second = nn.Conv2d(features, features, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> the same."""
        found: Tensor = x + self.second(F.relu(self.first(x)))
        return found


class UpscalerNetwork(nn.Module):
    """(N,3,h,w) in [-1,1] -> (N,3,scale h,scale w), nominally in [-1,1] and not clamped.

    Args:
        scale: 2 or 4.
        features: of every layer. blocks: so many `Residual`.

    Raises:
        ConfigError: another scale, no feature or no block.
    """

    def __init__(self, scale: int, features: int = 32, blocks: int = 6) -> None:
        super().__init__()
        if scale not in SCALES:
            raise ConfigError(f"scale: must be one of {', '.join(map(str, SCALES))}, got {scale}")
        if features < 1 or blocks < 1:
            raise ConfigError(f"features, blocks: must be >= 1, got {features}, {blocks}")
        self.scale, self.features, self.blocks = scale, features, blocks
        self.first = nn.Conv2d(3, features, 3, 1, 1)
        self.body = nn.Sequential(*(Residual(features) for _ in range(blocks)), nn.Conv2d(features, features, 3, 1, 1))
        self.last = nn.Conv2d(features, 3 * scale**2, 3, 1, 1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, small: Tensor) -> Tensor:
        """See the class."""
        seen = self.first(small)
        return enlarged(small, self.scale) + F.pixel_shuffle(self.last(seen + self.body(seen)), self.scale)

    @property
    def reach(self) -> int:
        """How far away a pixel can have a say, px of the small picture: one for each convolution in a row.

        That is 5 at least, beyond the 2 of bicubic enlargement.
        """
        return 2 * self.blocks + 3


def shrunk(large: Tensor, scale: int, kernel: str) -> Tensor:
    """(N,3,H,W) in [-1,1], sides that divide by `scale` -> (N,3,H/scale,W/scale) of whole levels, antialiased.

    Args:
        kernel: a name of `KERNELS`: `area`, means of squares; `bicubic`, wider, and a little beyond what it averages.
    """
    if kernel == "area":
        small = F.avg_pool2d(large, scale)
    else:
        size = [side // scale for side in large.shape[-2:]]
        small = F.interpolate(large, size=size, mode="bicubic", align_corners=False, antialias=True)
    return torch.round((small.clamp(-1, 1) + 1) * 127.5) / 127.5 - 1


KERNELS = ("area", "bicubic")
"""How pairs for training are made."""
