"""What every network wants done to a picture first."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.losses.backbones import IMAGENET_MEAN, IMAGENET_STD


class Preprocess(nn.Module):
    """(N,3,H,W) in [-1,1] -> normalised (N,3,h,w): (x+1)/2, clamp to [0,1], resize (antialiased), normalise.

    The whole picture is resized, none of it cropped away: what lies at its edges counts as well.

    Args:
        size: height and width that the network sees, pixels.
        mean, std: per-channel normalisation of the [0,1] image.
        mode: how the picture is resized.
    """

    def __init__(
        self,
        size: tuple[int, int],
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        mode: Literal["bilinear", "bicubic"] = "bilinear",
    ) -> None:
        super().__init__()
        self.size, self.mode = size, mode
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        x = ((image + 1) / 2).clamp(0, 1)
        if tuple(x.shape[-2:]) != self.size:
            x = F.interpolate(x, self.size, mode=self.mode, align_corners=False, antialias=True)
            x = x.clamp(0, 1) if self.mode == "bicubic" else x  # which overshoots at edges
        return (x - self.get_buffer("mean")) / self.get_buffer("std")
