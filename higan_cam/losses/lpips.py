"""LPIPS (Zhang et al., CVPR 2018): how different two pictures look, by a network's features under learned heads.

d = sum over layers of the mean over pixels of w_l . (f_l / |f_l| - g_l / |g_l|)^2, f and g the features of both
pictures with each pixel's channels at unit length, w_l the head's weight per channel. Pictures are in [-1,1] and
shifted and scaled per channel first. Heads (version 0.1, a few kB) come from the user's copy of the package `lpips`,
backbones from torchvision's AlexNet or VGG16.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.losses.backbones import Arch, Trunk, as_is
from higan_cam.losses.pictures import per_picture
from higan_cam.weights.files import load_tensors

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of R, G, B in [-1,1]: the paper's scaling layer."""
LAYERS: Mapping[Arch, tuple[int, ...]] = {"alexnet": (1, 4, 7, 9, 11), "vgg16": (3, 8, 15, 22, 29)}
"""Of the trunk: AlexNet's five activations; VGG16's relu1_2, relu2_2, relu3_3, relu4_3, relu5_3."""
WIDTHS: Mapping[Arch, tuple[int, ...]] = {"alexnet": (64, 192, 384, 256, 256), "vgg16": (64, 128, 256, 512, 512)}
"""Channels of these layers."""
_HEAD = re.compile(r"(?:.*\.)?lins?\.?(\d)\.model\.1\.weight")
_TINY = 1e-20
"""Added to squared lengths: a pixel without any activation stays 0 and keeps a finite gradient."""


@dataclass(frozen=True)
class Lpips:
    """The distance with one backbone.

    Attributes:
        trunk: AlexNet or VGG16.
        layers: of the trunk.
        heads: (C,) weights per channel of each layer.
        prepare: what is done to a picture in [-1,1] first: nothing, but where published code is met.
    """

    trunk: Trunk
    layers: tuple[int, ...]
    heads: tuple[Tensor, ...]
    prepare: Callable[[Tensor], Tensor] = as_is

    def features(self, picture: Tensor) -> tuple[Tensor, ...]:
        """(N,3,H,W) in [-1,1] -> (N,C,h,w) of each layer, unit length over the channels of each pixel."""
        shift, scale = (picture.new_tensor(values)[:, None, None] for values in (SHIFT, SCALE))
        prepared = (self.prepare(picture) - shift) / scale
        return tuple(_unit_length(layer) for layer in self.trunk.taps(prepared, self.layers))

    def distances(self, one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> Tensor:
        """(N,layers) of two pictures' features; their sum is LPIPS."""
        heads = [head.to(layer)[:, None, None] for head, layer in zip(self.heads, one, strict=True)]
        weighted = [head * (a - b).square() for head, a, b in zip(heads, one, other, strict=True)]
        return torch.stack([per_picture(layer.sum(dim=1)) for layer in weighted], dim=1)


def load_heads(arch: Arch, heads: str | Path) -> tuple[Tensor, ...]:
    """The five heads, (C,) each.

    Args:
        heads: `lpips/weights/v0.1/alex.pth` or `vgg.pth` of the package, or a state dict of its whole network.

    Raises:
        WeightsError: a file that is missing or unsafe; heads that are not five, or of other widths.
    """
    found = {int(match[1]): value for key, value in load_tensors(heads)[0].items() if (match := _HEAD.fullmatch(key))}
    widths = WIDTHS[arch]
    given = tuple(found[number].numel() if number in found else 0 for number in range(len(widths)))
    if given != widths:
        raise WeightsError(
            f"{heads}: heads of LPIPS for {arch} have {list(widths)} channels, got {list(given)} (0: no such head); "
            f"expected 'lin0.model.1.weight' to 'lin4.model.1.weight' of the package lpips for {arch}"
        )
    return tuple(found[number].flatten() for number in range(len(widths)))


def _unit_length(features: Tensor) -> Tensor:
    features = features.to(torch.promote_types(features.dtype, torch.float32))  # the square of 1e-10 is 0 in 16 bits
    return features / (features.square().sum(dim=1, keepdim=True) + _TINY).sqrt()
