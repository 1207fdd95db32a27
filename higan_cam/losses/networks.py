"""The networks that losses look through, by name: the caller's own, and those of files, each loaded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.losses.backbones import (
    VGG16_LAYERS,
    Arch,
    Trunk,
    TrunkFeatures,
    as_image2stylegan,
    as_imagenet,
    as_is,
    as_unit,
    load_trunk,
)
from higan_cam.losses.codes import Spread
from higan_cam.losses.features import Features
from higan_cam.losses.lpips import LAYERS, Lpips, load_heads

if TYPE_CHECKING:
    from higan_cam.weights.efficientnet_lite0 import EfficientNetLite0

FILES: Mapping[str, str] = {
    "vgg16": "torchvision's VGG16 (vgg16-397923af.pth)",
    "alexnet": "torchvision's AlexNet (alexnet-owt-7be5be79.pth)",
    "lpips_vgg": "LPIPS heads for VGG16 (lpips/weights/v0.1/vgg.pth of the package lpips)",
    "lpips_alex": "LPIPS heads for AlexNet (lpips/weights/v0.1/alex.pth of the package lpips)",
    "efficientnet_lite0": "EfficientNet-Lite0; without an entry, the fetched one",
}
"""What `Parts.files` may name."""


@dataclass(frozen=True)
class Parts:
    """What losses are made of that has no default: networks, files, and where the generator's codes lie.

    Attributes:
        features: for `features` and `gram`: the caller's network. Frozen, in eval mode.
        identity: for `identity`: (N,3,H,W) in [-1,1] -> (N,D). Frozen, in eval mode.
        spread: for `prior` and `delta`, on the codes' own device.
        files: of weights, by the names in `FILES`.
        device: where networks of files go.
    """

    features: Features | None = None
    identity: Callable[[Tensor], Tensor] | None = None
    spread: Spread | None = None
    files: Mapping[str, str | Path] = field(default_factory=dict)
    device: str = "cpu"

    def file(self, name: str) -> str | Path:
        """ConfigError: it was not given."""
        if name not in self.files:
            raise ConfigError(f"losses: needs the file of {FILES[name]}; give Parts(files={{{name!r}: FILE}})")
        return self.files[name]


class Networks:
    """The networks that these parts give, each loaded when it is first asked for."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._trunks: dict[Arch, Trunk] = {}

    def trunk(self, arch: Arch) -> Trunk:
        """ConfigError, WeightsError: its file was not given, is missing or does not fit."""
        if arch not in self._trunks:
            self._trunks[arch] = load_trunk(arch, self.parts.file(arch)).to(self.parts.device)
        return self._trunks[arch]

    @cached_property
    def efficientnet_lite0(self) -> EfficientNetLite0:
        """WeightsError: its file is missing, not fetched, or does not fit."""
        from higan_cam.weights.efficientnet_lite0 import load_efficientnet_lite0

        network = load_efficientnet_lite0(self.parts.files.get("efficientnet_lite0"))
        return network.to(self.parts.device)


def _own(networks: Networks) -> Features:
    if networks.parts.features is None:
        others = ", ".join(name for name in FEATURES if name)
        raise ConfigError(
            f"losses: 'features' and 'gram' need a network; give Parts(features=NETWORK), or name one: "
            f"'features:NAME' with NAME one of {others}"
        )
    return networks.parts.features


def _vgg16(layers: tuple[str, ...], prepare: Callable[[Tensor], Tensor], networks: Networks) -> TrunkFeatures:
    return TrunkFeatures(networks.trunk("vgg16"), tuple(VGG16_LAYERS[layer] for layer in layers), prepare)


def _lpips(arch: Arch, heads: str, prepare: Callable[[Tensor], Tensor], networks: Networks) -> Lpips:
    weights = load_heads(arch, networks.parts.file(heads))
    return Lpips(networks.trunk(arch), LAYERS[arch], weights, prepare)


FEATURES: Mapping[str, Callable[[Networks], Features]] = {
    "": _own,
    "efficientnet_lite0": lambda networks: networks.efficientnet_lite0.features,
    "efficientnet_lite0_stage3": lambda networks: lambda picture: networks.efficientnet_lite0.features(picture)[2],
    "vgg16": partial(_vgg16, ("relu1_2", "relu2_2", "relu3_3", "relu4_3"), as_imagenet),
    "vgg16_relu3_3": partial(_vgg16, ("relu3_3",), as_imagenet),
    "vgg16_relu3_3_of_unit": partial(_vgg16, ("relu3_3",), as_unit),
    "vgg16_image2stylegan": partial(_vgg16, ("relu1_1", "relu1_2", "relu3_2", "relu4_2"), as_image2stylegan),
}
"""What follows `features:` or `gram:`; nothing, for the caller's own."""
PERCEPTUAL: Mapping[str, Callable[[Networks], Lpips]] = {
    "alex": partial(_lpips, "alexnet", "lpips_alex", as_is),
    "vgg": partial(_lpips, "vgg16", "lpips_vgg", as_is),
    "alex_of_unit": partial(_lpips, "alexnet", "lpips_alex", as_unit),
}
"""What follows `lpips:`."""
