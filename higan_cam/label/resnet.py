"""ResNet18 (He et al., CVPR 2016) of any width, with torchvision's module names, so that published files load."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

BLOCKS_PER_STAGE = 2


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a shortcut. (N,C,h,w) -> (N,C',h/stride,w/stride)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1: nn.Module = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(channels_out)
        self.conv2: nn.Module = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(channels_out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels_in != channels_out:
            shortcut = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    """(N,3,H,W) normalised images -> (N, 8 x width) pooled features, or class logits through `fc` where there is one.

    Args:
        width: channels of the first stage; 64 is the published network.
        classes: size of `fc`; 0 leaves it out.
        max_pool: after the first convolution; Places365's WideResNet18 has the same weights' shapes without it.
    """

    def __init__(self, width: int = 64, classes: int = 0, max_pool: bool = True) -> None:
        super().__init__()
        self.width, self.max_pool = width, max_pool
        self.conv1: nn.Module = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 2)
        self.fc = nn.Linear(8 * width, classes) if classes else None

    def features(self, x: Tensor) -> Tensor:
        """(N,3,H,W) -> (N, 8 x width): the last stage averaged over its positions."""
        x = F.relu(self.bn1(self.conv1(x)))
        if self.max_pool:
            x = F.max_pool2d(x, 3, 2, 1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        return features if self.fc is None else self.fc(features)


def fold_batch_norm(network: ResNet18) -> ResNet18:
    """The same function with every batch normalisation folded into its convolution, for inference; in place.

    Equal up to float rounding; folding twice changes nothing. The state dict no longer has the published keys.

    Raises:
        ValueError: the network is in training mode, where batch statistics make it another function.
    """
    if network.training:
        raise ValueError("batch normalisation can only be folded in eval mode; call .eval() first")
    network.conv1, network.bn1 = _folded(network.conv1, network.bn1), nn.Identity()
    for block in network.modules():
        if isinstance(block, BasicBlock):
            block.conv1, block.bn1 = _folded(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = _folded(block.conv2, block.bn2), nn.Identity()
            if isinstance(block.downsample, nn.Sequential):
                block.downsample = _folded(block.downsample[0], block.downsample[1])
    return network


def _folded(convolution: nn.Module, norm: nn.Module) -> nn.Module:
    """One convolution for the two; the convolution itself where the normalisation is folded already."""
    if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        return convolution
    return fuse_conv_bn_eval(convolution, norm)


def _stage(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    rest = [BasicBlock(channels_out, channels_out, 1) for _ in range(BLOCKS_PER_STAGE - 1)]
    return nn.Sequential(BasicBlock(channels_in, channels_out, stride), *rest)
