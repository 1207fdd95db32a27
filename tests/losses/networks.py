"""Networks for tests of losses: torchvision's with drawn weights, in files as users have them, and tiny ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.losses.backbones import Arch, Trunk
from higan_cam.losses.lpips import WIDTHS
from higan_cam.weights.efficientnet_lite0 import EfficientNetLite0
from higan_cam.weights.files import save_tensors
from tests.support.reference2 import draw

CLASSES = 1000


def drawn_trunk(arch: Arch, key: str = "vgg16.{name}") -> dict[str, Tensor]:
    """Weights of scale sqrt(2 / fan in), biases of .05, by torchvision's names; `key` makes the key of each draw."""
    own = Trunk(arch).state_dict()
    return {name: draw(key.format(name=name), value.shape) * scale_of(value) for name, value in own.items()}


def scale_of(like: Tensor) -> Tensor:
    """Of the draws of a weight or bias; float32."""
    return torch.tensor((2 / like[0].numel()) ** 0.5 if like.dim() == 4 else 0.05, dtype=torch.float32)


def drawn_efficientnet() -> dict[str, Tensor]:
    """EfficientNet-Lite0: convolutions as a trunk's, and batch norms that leave their input nearly as it is."""
    own = EfficientNetLite0().state_dict()
    return own | {
        name: draw(f"efficientnet.{name}", value.shape) * scale_of(value)
        for name, value in own.items()
        if value.dim() == 4
    }


def drawn_heads(arch: Arch, key: str) -> dict[str, Tensor]:
    """Heads as in a file of the package lpips: |draw| / C."""
    shapes = {f"lin{number}.model.1.weight": (1, width, 1, 1) for number, width in enumerate(WIDTHS[arch])}
    return {name: draw(key.format(name=name), shape).abs() / shape[1] for name, shape in shapes.items()}


def write_files(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]]) -> dict[str, str | Path]:
    """{name: file} of these state dicts; classifiers get their last layer, which no loss looks at."""
    files: dict[str, str | Path] = {}
    for name, state in tensors.items():
        rest = {"classifier.6.bias": torch.zeros(CLASSES)} if name in WIDTHS else {}
        files[name] = folder / f"{name}.safetensors"
        save_tensors(files[name], {**state, **rest}, {})
    return files


@dataclass(frozen=True)
class SmallSpread:
    """Codes around a mean, the last coordinate always the same."""

    mean: Tensor
    deviation: Tensor

    @property
    def varies(self) -> Tensor:
        """(D,) or (L,D)."""
        return self.deviation > 0

    def white(self, w_plus: Tensor) -> Tensor:
        """See `Spread`."""
        return torch.where(self.varies, (w_plus - self.mean) / torch.where(self.varies, self.deviation, 1), 0)


def small_spread() -> SmallSpread:
    """Of codes with five coordinates, float64."""
    mean, deviation = draw("losses/mean", (5,)).double(), draw("losses/deviation", (5,)).double().abs()
    return SmallSpread(mean, deviation * torch.tensor([1.0, 1, 1, 1, 0]).double())


def small_features(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Two smooth layers, (N,4,h,w) and (N,6,h,w)."""
    first = F.softplus(F.conv2d(picture, draw("losses/first", (4, 3, 3, 3)).to(picture)))
    return first, F.softplus(F.conv2d(first, draw("losses/second", (6, 4, 3, 3)).to(picture), stride=2))


def small_identity(picture: Tensor) -> Tensor:
    """(N,7) embeddings of no particular length."""
    pooled = F.adaptive_avg_pool2d(picture, 3).flatten(1)
    return pooled @ draw("losses/identity", (7, 27)).to(picture).T
