"""VGG16 and AlexNet out of a user's file in torchvision's layout, as layers of features and for LPIPS.

Neither ships: both were trained on ImageNet. The layers are torchvision's; a file is read without running any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.weights.state_dicts import fill, named_file, network_tensors

Arch = Literal["alexnet", "vgg16"]
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
VGG16_LAYERS = {
    **{"relu1_1": 1, "relu1_2": 3, "relu2_1": 6, "relu2_2": 8, "relu3_1": 11, "relu3_2": 13, "relu3_3": 15},
    **{"relu4_1": 18, "relu4_2": 20, "relu4_3": 22, "relu5_1": 25, "relu5_2": 27, "relu5_3": 29},
}
"""Where each activation lies among torchvision's `features`."""


class Trunk(nn.Module):
    """The convolutions of a classifier of torchvision, by the names that its files have; weights not filled yet."""

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        from torchvision import models

        with torch.device("meta"):  # the classifier behind them, most of the memory, is never made
            convolutions: nn.Sequential = models.get_model(arch, weights=None).features
        self.features = convolutions.to_empty(device="cpu")

    def taps(self, prepared: Tensor, layers: Sequence[int]) -> tuple[Tensor, ...]:
        """What comes out of these layers, in their order; none behind the last of them runs."""
        found, x = {}, prepared
        for number, layer in enumerate(self.features[: max(layers) + 1]):
            x = layer(x)
            found[number] = x
        return tuple(found[number] for number in layers)


def load_trunk(arch: Arch, weights: str | Path) -> Trunk:
    """The convolutions in a file of the whole classifier or of them alone; eval mode, parameters frozen.

    Args:
        weights: such as `vgg16-397923af.pth`, or `FILE#NAME` where it holds several networks.

    Raises:
        WeightsError: a file that is missing, unsafe or does not fit.
    """
    trunk = Trunk(arch)
    tensors = network_tensors(str(weights), trunk.state_dict().keys())
    kept = {key: value for key, value in tensors.items() if not key.startswith("classifier.")}
    fill(trunk, kept, named_file(str(weights)))
    return trunk.eval().requires_grad_(False)


@dataclass(frozen=True)
class TrunkFeatures:
    """Some layers of a trunk as `Features`.

    Attributes:
        trunk: the network.
        layers: of `trunk.features`, counted from 0.
        prepare: (N,3,H,W) in [-1,1] -> what the network sees.
    """

    trunk: Trunk
    layers: tuple[int, ...]
    prepare: Callable[[Tensor], Tensor]

    def __call__(self, picture: Tensor) -> tuple[Tensor, ...]:
        """(N,3,H,W) in [-1,1] -> (N,C,h,w) of each layer."""
        return self.trunk.taps(self.prepare(picture), self.layers)


def as_is(picture: Tensor) -> Tensor:
    """The picture."""
    return picture


def as_imagenet(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1] -> ImageNet's normalisation, in which torchvision's networks were trained."""
    mean, std = (picture.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return ((picture + 1) / 2 - mean) / std


def as_unit(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1] -> [0,1] and nothing else, as published code feeds VGG16 by mistake."""
    return (picture + 1) / 2


def as_image2stylegan(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1] -> (N,3,256,256) in [0,1], bilinear without antialiasing: the notebook's way."""
    return F.interpolate(as_unit(picture), size=(256, 256), mode="bilinear", align_corners=False)
