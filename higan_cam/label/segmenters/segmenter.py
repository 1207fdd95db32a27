"""What a segmenter is, and what it says about a picture: the parts of a face, whoever drew or found them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

NO_FACE, SEVERAL_FACES = "no face", "several faces"
"""What a detector may say of a picture. Where there are several the largest is taken, so the map is one; where there
is none every pixel is background."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The parts of the faces in N pictures, and the crop of each picture that they were found in.

    Attributes:
        shares: (N,11,h,w) float32: how likely each pixel is each of `PARTS`; they sum to 1. Differentiable with
            respect to the picture where the network is.
        labels: (N,h,w) uint8: the likeliest part. A segmenter whose own classes are finer decides among its own first.
        crop: (N,3,h,w) float32 in [0,1]: the picture that the map belongs to, pixel by pixel.
        boxes: (N,4) float32: left, top, right, bottom of the crop in pixels of the given picture.
        problems: per picture "", `NO_FACE` (the crop is the whole picture, all of it background) or `SEVERAL_FACES`
            (the map is of the largest).
        pose: (N,3) float32 radians, pitch, yaw, roll of the head; None from segmenters that do not say.
    """

    shares: Tensor
    labels: Tensor
    crop: Tensor
    boxes: Tensor
    problems: tuple[str, ...]
    pose: Tensor | None = None


class Segmenter(Protocol):
    """What finds the parts of a face. It is loaded once, keeps nothing between calls, and serves several threads."""

    def segment(self, image: Tensor) -> Segmentation:
        """(N,3,H,W) pictures in [-1,1], any sides -> their parts, at the segmenter's own side.

        Raises:
            ValueError: no such pictures.
        """
        ...


def as_colour(image: Tensor) -> Tensor:
    """(N,1|3|4,H,W) in [-1,1] -> (N,3,H,W): grey in all three channels, transparent pixels on white.

    Raises:
        ValueError: no such pictures, or pictures without a pixel.
    """
    if image.ndim != 4 or image.shape[1] not in (1, 3, 4) or 0 in image.shape[2:] or not image.is_floating_point():
        raise ValueError(
            f"expected pictures (N,3,H,W) in [-1,1], grey ones (N,1,H,W) or ones with alpha (N,4,H,W), got "
            f"{tuple(image.shape)} {image.dtype}"
        )
    if image.shape[1] == 4:
        return torch.lerp(torch.ones_like(image[:, :3]), image[:, :3], (image[:, 3:] + 1) / 2)
    return image.expand(-1, 3, -1, -1)
