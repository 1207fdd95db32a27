"""The baseline that every attribution must beat: how much each pixel's luminance changes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.mask.heat import ImageAttribution, one_sign, resize_maps, unit_peak
from higan_cam.mask.rounding import picture_change, where_pictures_change
from higan_cam.types import Sign

REC_601 = (0.299, 0.587, 0.114)
"""Rec. 601 weights of R, G, B, for gamma-encoded values."""


def luminance(image: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1] -> (N,H,W), of the picture that is published, hence clamped."""
    weights = image.new_tensor(REC_601)[:, None, None]
    return (image.clamp(-1, 1) * weights).sum(dim=1)


@dataclass(frozen=True)
class ImageDifference(ImageAttribution):
    """|luminance(positive) - luminance(negative)|, resized, peak 1. Cost: both images from the first edited row on.

    Attributes:
        map_size: side of the heat map, pixels.
        sign: both; positive or negative for what brightens or darkens alone (`one_sign` of the difference). It is
            brightness that they tell apart, not the score.
    """

    map_size: int = 256
    sign: Sign = "both"

    def between(self, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,3,H,W) images of both ends in [-1,1] -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            change = one_sign(luminance(positive) - luminance(negative), self.sign)
            change = where_pictures_change(change, picture_change(negative, positive))
            return unit_peak(resize_maps(change, self.map_size))
