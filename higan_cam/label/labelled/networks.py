"""Networks that tell one label from the other, by name: picture to logit, each with its own preprocessing.

`gender_cnn` and `quality_cnn` are two published ones with their keys (AI_Projects, commit 2cb8d2f6). They are
architectures here, for any label: no weights of theirs ship.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.label.preprocess import Preprocess
from higan_cam.label.resnet import ResNet18
from higan_cam.weights.efficientnet_lite0 import EfficientNetLite0, load_efficientnet_lite0

WIDTH = 16
"""Channels of a ResNet18's first stage, where none are asked for."""
_HIDDEN, _DROP_MAPS, _DROP_HIDDEN = 512, 0.05, 0.45
_EMBEDDING = 1280


class Layer(NamedTuple):
    """A 3x3 convolution without padding, and whether its map is halved after it."""

    channels: int
    halved: bool


class Crop(NamedTuple):
    """The part of a square that a network sees, in shares of its side."""

    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0


WHOLE = Crop()
GENDER = (Layer(32, False), *(Layer(channels, True) for channels in (64, 128, 128, 256, 256)))
QUALITY = (Layer(32, False), *(Layer(channels, True) for channels in (64, 128, 128)), Layer(256, False))
UPPER_MIDDLE = Crop(0.0, 0.25, 0.25, 0.75)
"""Rows 0 to 63, columns 64 to 191 of 256 px."""


class Classifier(nn.Module):
    """(N,3,H,W) in [-1,1] of any size -> (N,) logits.

    Args:
        prepare: what does not learn: the preprocessing, and a frozen network where there is one.
        network: what learns; prepared pictures -> (N,1) logits.
    """

    def __init__(self, prepare: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.prepare, self.network = prepare, network

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(self.prepare(image))
        return logits[:, 0]


class SmallCnn(nn.Module):
    """The published convolutional classifiers: (N,3,S,S) in [0,1] -> (N,1) logits.

    Each convolution is followed by LeakyReLU 0.01 and Dropout2d 0.05; then 512 tanh units with dropout 0.45. Their
    sigmoid is left to the loss.

    Args:
        layers: the convolutions.
        side: of the pictures, px; the first dense layer depends on it.
        crop: what of them is looked at.

    Raises:
        ConfigError: the pictures are too small for so many convolutions.
    """

    def __init__(self, layers: Sequence[Layer], side: int, crop: Crop = WHOLE) -> None:
        super().__init__()
        self.halved = [layer.halved for layer in layers]
        self.rows = slice(round(crop.top * side), round(crop.bottom * side))
        self.columns = slice(round(crop.left * side), round(crop.right * side))
        channels = 3
        for number, layer in enumerate(layers, start=1):
            convolution = nn.Conv2d(channels, layer.channels, 3)
            self.add_module(f"conv{number}", nn.Sequential(convolution, nn.LeakyReLU(), nn.Dropout2d(_DROP_MAPS)))
            channels = layer.channels
        extents = [_left(layers, part.stop - part.start) for part in (self.rows, self.columns)]
        if min(extents) < 1:
            raise ConfigError(f"side: {side} px are too few for {len(layers)} convolutions; take more")
        hidden = nn.Linear(channels * extents[0] * extents[1], _HIDDEN)
        self.fc1 = nn.Sequential(hidden, nn.Tanh(), nn.Dropout(_DROP_HIDDEN))
        self.fc_final = nn.Sequential(nn.Linear(_HIDDEN, 1))

    def features(self, x: Tensor) -> Tensor:
        """(N,3,S,S) in [0,1] -> (N,512) in [-1,1]."""
        x = x[..., self.rows, self.columns]
        for number, halved in enumerate(self.halved, start=1):
            x = self.get_submodule(f"conv{number}")(x)
            x = torch.nn.functional.max_pool2d(x, 2) if halved else x
        hidden: Tensor = self.fc1(x.flatten(1))
        return hidden

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc_final(self.features(x))
        return logits


class Embedding(nn.Module):
    """(N,3,H,W) in [-1,1] -> (N,1280): what a frozen EfficientNet-Lite0 makes of it before its classes."""

    def __init__(self, side: int, network: EfficientNetLite0) -> None:
        super().__init__()
        self.resize = Preprocess((side, side), (0.5,) * 3, (0.5,) * 3)
        network._fc = nn.Identity()  # type: ignore[assignment] # the classes are not asked for
        self.network = network.requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.network(self.resize(image))
        return features


@dataclass(frozen=True)
class Backbone:
    """How a classifier is made, and what it is usually trained with.

    Attributes:
        make: (side in px, width, whether to fill what was trained before) -> the classifier, on the CPU.
        side: of the pictures, px.
        learning_rate: AdamW's, at the top of its cosine.
        frozen: whether all but a last layer is frozen, so that pictures need to be looked at once only.
    """

    make: Callable[[int, int, bool], Classifier]
    side: int
    learning_rate: float
    frozen: bool = False


def make_classifier(backbone: str, side: int, width: int = WIDTH, pretrained: bool = False) -> Classifier:
    """A classifier with random weights, on the CPU.

    Args:
        side: of the square that pictures are resized to, px.
        width: of a ResNet18; others have theirs.
        pretrained: fill what a backbone learned elsewhere; else a file does.

    Raises:
        ConfigError: an unknown name, or a side that does not fit.
        WeightsError: a pretrained backbone that is not fetched.
    """
    return checked_backbone(backbone).make(side, width, pretrained)


def checked_backbone(name: str) -> Backbone:
    """ConfigError: there is none of this name."""
    if name not in BACKBONES:
        raise unknown_name("backbone", name, BACKBONES)
    return BACKBONES[name]


def _plain(side: int) -> Preprocess:
    """Pictures in [0,1], as the published classifiers were trained."""
    return Preprocess((side, side), (0.0,) * 3, (1.0,) * 3)


def _resnet(side: int, width: int, pretrained: bool) -> Classifier:  # noqa: ARG001 - none is
    return Classifier(Preprocess((side, side)), ResNet18(width, classes=1))


def _gender(side: int, width: int, pretrained: bool) -> Classifier:  # noqa: ARG001 - of one size
    return Classifier(_plain(side), SmallCnn(GENDER, side))


def _quality(side: int, width: int, pretrained: bool) -> Classifier:  # noqa: ARG001 - of one size
    return Classifier(_plain(side), SmallCnn(QUALITY, side, UPPER_MIDDLE))


def _efficientnet(side: int, width: int, pretrained: bool) -> Classifier:  # noqa: ARG001 - of one size
    trunk = load_efficientnet_lite0() if pretrained else EfficientNetLite0()
    return Classifier(Embedding(side, trunk), nn.Linear(_EMBEDDING, 1))


def _left(layers: Sequence[Layer], extent: int) -> int:
    """Pixels that are left of so many."""
    for layer in layers:
        extent = (extent - 2) // 2 if layer.halved else extent - 2
    return extent


BACKBONES: dict[str, Backbone] = {
    "resnet18": Backbone(_resnet, 128, 1e-3),
    "efficientnet_lite0": Backbone(_efficientnet, 224, 1e-3, frozen=True),
    "gender_cnn": Backbone(_gender, 256, 5e-5),
    "quality_cnn": Backbone(_quality, 256, 5e-5),
}
"""By what `--backbone` calls them. The published learning rate is 5e-5."""
