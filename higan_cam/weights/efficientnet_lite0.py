"""EfficientNet-Lite0: a small network that knows photographs, for features to compare pictures by.

EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946, table 1) without squeeze-and-excitation and with ReLU6 in place of
swish, as its Lite variants are. The file that a package carries (`efficientnet_lite0` in the zoo) was converted from
TensorFlow, hence its padding, the epsilon of its batch norm and how it wants its pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.weights.files import load_tensors
from higan_cam.weights.zoo import resolve

NAME = "efficientnet_lite0"
SIDE = 224
"""Pixels of the pictures that it was trained on; it takes any size."""
CLASSES = 1000
"""ImageNet's, in its usual order."""
_STEM, _HEAD = 32, 1280
_EPSILON = 1e-3
_MEAN, _SCALE = 127.0, 128.0
"""What it was trained on: (8-bit value - mean) / scale."""


@dataclass(frozen=True)
class Stage:
    """Blocks in a row that give one feature map; the first of them has the stride."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
"""The stem before them halves the side, so they are at 1/2, 1/4, 1/8, 1/16, 1/16, 1/32 and 1/32 of it, rounded up."""


class SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's `SAME`: ceil(side / stride) out, an odd rest at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        rests = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
        down, right = rests
        padded = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2)) if any(rests) else x
        return super().forward(padded)


class Block(nn.Module):
    """MobileNetV2's inverted residual: expand, convolve each channel, project; added to the input where shapes agree.

    Args:
        inputs, outputs: channels.
        expansion: of channels in between; 1 leaves the first convolution out.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        if expansion > 1:
            self._expand_conv = SameConv2d(inputs, inner, 1)
            self._bn0 = nn.BatchNorm2d(inner, _EPSILON)
        self._depthwise_conv = SameConv2d(inner, inner, kernel, stride, groups=inner)
        self._bn1 = nn.BatchNorm2d(inner, _EPSILON)
        self._project_conv = SameConv2d(inner, outputs, 1)
        self._bn2 = nn.BatchNorm2d(outputs, _EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(N,inputs,H,W) -> (N,outputs,ceil(H/stride),ceil(W/stride))."""
        inner = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        inner = F.relu6(self._bn1(self._depthwise_conv(inner)))
        projected: Tensor = self._bn2(self._project_conv(inner))
        return x + projected if self.residual else projected


class EfficientNetLite0(nn.Module):
    """The network, differentiable in its picture. Its tensors are called as in the file.

    It stays in eval mode whatever it is told: batch norm uses what was learned, so a picture's features do not depend
    on its batch, and no training loop that holds it changes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, _STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(_STEM, _EPSILON)
        self._blocks = nn.ModuleList(_blocks())
        self._conv_head = SameConv2d(STAGES[-1].channels, _HEAD, 1)
        self._bn1 = nn.BatchNorm2d(_HEAD, _EPSILON)
        self._fc = nn.Linear(_HEAD, CLASSES)
        self.eval()

    def train(self, mode: bool = True) -> EfficientNetLite0:  # noqa: ARG002 - never
        """Eval mode."""
        return super().train(False)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N,3,H,W) in [-1,1] -> the seven `STAGES`: (N,16,H/2,W/2) to (N,320,H/32,W/32), sides rounded up."""
        pixels = (127.5 * image + 127.5 - _MEAN) / _SCALE
        x = F.relu6(self._bn0(self._conv_stem(pixels)))
        blocks, found = iter(self._blocks), []
        for stage in STAGES:
            for _ in range(stage.blocks):
                x = next(blocks)(x)
            found.append(x)
        return tuple(found)

    def forward(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,1000) logits of ImageNet's classes."""
        x = F.relu6(self._bn1(self._conv_head(self.features(image)[-1])))
        logits: Tensor = self._fc(x.mean(dim=(2, 3)))
        return logits


def load_efficientnet_lite0(path: str | Path | None = None) -> EfficientNetLite0:
    """The trained network on the CPU, parameters frozen.

    Args:
        path: a file of the layout of the zoo's; None for the fetched one.

    Raises:
        WeightsError: not fetched yet (says how), or a file that is missing, unsafe or does not fit.
    """
    file = resolve(NAME if path is None else str(path))
    tensors, _ = load_tensors(file)
    with torch.device("meta"):  # every tensor comes from the file
        network = EfficientNetLite0()
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{file}: is no EfficientNet-Lite0: {reason}; `higan-cam weights fetch {NAME}`") from error
    return network.requires_grad_(False)


def _blocks() -> Iterator[Block]:
    inputs = _STEM
    for stage in STAGES:
        for number in range(stage.blocks):
            stride = stage.stride if number == 0 else 1
            yield Block(inputs, stage.channels, kernel=stage.kernel, stride=stride, expansion=stage.expansion)
            inputs = stage.channels
