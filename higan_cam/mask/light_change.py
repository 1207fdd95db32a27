"""How much light, or colour, each place gains or loses: differences of pictures in the units in which light adds up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.losses.light import linear_light, linear_rgb
from higan_cam.mask.heat import ImageAttribution, one_sign, resize_maps, shared_prefix, smooth, unit_peak
from higan_cam.mask.rounding import picture_change, where_pictures_change
from higan_cam.types import Generator, Scorer, Sign

NEIGHBOURHOOD = 3 / 64
"""Sigma of the neighbourhood, picture widths: 6 px of 128."""


@dataclass(frozen=True)
class LightChange(ImageAttribution):
    """d + G * d, resized, peak 1, with d = one_sign(Y(I+) - Y(I-)): the change of linear luminance between both ends.

    Y is linear luminance and G a Gaussian of `NEIGHBOURHOOD`. Display values compress what is bright, and a lamp's
    light falls where it is bright already; in linear units the same light counts the same there. A pixel also counts
    for its surroundings (G), since light spreads and small texture does not. It never looks at the scorer.

    No paper: chosen on 159 rooms, measured on others by `higan-cam benchmark-masks`. Cost: both images from the first
    edited row on, none where they exist (`between`).

    Attributes:
        map_size: side of the heat map, pixels.
        sign: both; positive or negative for what brightens or darkens alone.
    """

    map_size: int = 256
    sign: Sign = "both"

    def between(self, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,3,H,W) images of both ends in [-1,1] -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            change = one_sign(linear_light(positive) - linear_light(negative), self.sign)
            return _with_surroundings(where_pictures_change(change, picture_change(negative, positive)), self.map_size)


@dataclass(frozen=True)
class ColourChange(ImageAttribution):
    """|C(I+) - C(I-)|, resized, peak 1: the length of the change of linear red, green and blue.

    Luminance cannot see that a wall turns from blue to orange at one brightness; this sees it, and sees light as well.
    Colour ends where the thing ends that has it, so that a pixel does not count for its surroundings.

    No paper. Cost: as `LightChange`.

    Attributes:
        map_size: side of the heat map, pixels.
        sign: both; positive or negative for the channels that gain or lose light alone.
    """

    map_size: int = 256
    sign: Sign = "both"

    def between(self, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,3,H,W) images of both ends in [-1,1] -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            channels = linear_rgb(positive.clamp(-1, 1)) - linear_rgb(negative.clamp(-1, 1))
            size = one_sign(channels.flatten(0, 1), self.sign).view_as(channels).square().sum(dim=1).sqrt()
            change = where_pictures_change(size, picture_change(negative, positive))
            return unit_peak(resize_maps(change, self.map_size))


@dataclass(frozen=True)
class LightSteps:
    """`LightChange` with d the largest change in one of K steps along the edit.

    With I_0 … I_K the images of the straight line in w+: d = max over k of one_sign(Y(I_k) - Y(I_k-1)). What switches
    somewhere along the edit, as a lamp does, stands out from what drifts all the way, as exposure does. Cost: K + 1
    images from the first edited row on; two are held at a time.

    Attributes:
        steps: K >= 1; 1 is `LightChange`.
        map_size, sign: as there.
    """

    steps: int = 6
    map_size: int = 256
    sign: Sign = "both"

    def __call__(
        self,
        generator: Generator,
        scorer: Scorer,  # noqa: ARG002  (the protocol passes it)
        negative: Tensor,
        positive: Tensor,
    ) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            state = shared_prefix(generator, negative, positive)
            image, _ = generator.synthesize(negative, start=state)
            largest, moved = torch.zeros_like(image[:, 0]), torch.zeros_like(image[:, 0, 0, 0])
            for step in range(1, self.steps + 1):
                here = torch.lerp(negative, positive, step / self.steps)
                following, _ = generator.synthesize(here, start=state)
                change = one_sign(linear_light(following) - linear_light(image), self.sign)
                largest, moved = torch.maximum(largest, change), moved + picture_change(image, following)
                image = following
            return _with_surroundings(where_pictures_change(largest, moved), self.map_size)


def _with_surroundings(change: Tensor, map_size: int) -> Tensor:
    """(N,H,W) >= 0 -> d + G * d, resized, peak 1."""
    around = smooth(change, NEIGHBOURHOOD * change.shape[-1])
    return unit_peak(resize_maps(change + around, map_size))
