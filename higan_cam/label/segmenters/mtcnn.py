"""MTCNN's three networks (Zhang et al. 2016, arXiv:1604.02878), in the layout of facenet-pytorch's files.

Each looks at pictures of its own side, 12, 24 and 48 px, normalised as (8-bit value - 127.5) / 128, and says how the
sides of the box should move and how likely it holds a face; the last also where the eyes, nose and mouth's corners are.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from higan_cam.weights.files import load_tensors
from higan_cam.weights.state_dicts import fill
from higan_cam.weights.zoo import resolve

ZOO = ("mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet")
"""What the files are called in the zoo."""


class ProposalNetwork(nn.Module):
    """(N,3,H,W) -> moves (N,4,h,w) and probabilities (N,2,h,w) of every 12 x 12 cell, 2 px apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = _pool(2)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_2(x), self.conv4_1(x).softmax(dim=1)


class RefinementNetwork(nn.Module):
    """(N,3,24,24) -> moves (N,4) and probabilities (N,2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 28, 3), nn.PReLU(28), _pool(3)
        self.conv2, self.prelu2, self.pool2 = nn.Conv2d(28, 48, 3), nn.PReLU(48), _pool(3)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.pool2(self.prelu2(self.conv2(x)))))
        x = self.prelu4(self.dense4(_flat(x)))
        return self.dense5_2(x), self.dense5_1(x).softmax(dim=1)


class OutputNetwork(nn.Module):
    """(N,3,48,48) -> moves (N,4), landmarks (N,10) and probabilities (N,2).

    Landmarks are five columns, then five rows, in sides of the box: eye, eye, nose, corner, corner of the mouth.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 32, 3), nn.PReLU(32), _pool(3)
        self.conv2, self.prelu2, self.pool2 = nn.Conv2d(32, 64, 3), nn.PReLU(64), _pool(3)
        self.conv3, self.prelu3, self.pool3 = nn.Conv2d(64, 64, 3), nn.PReLU(64), _pool(2)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu4(self.conv4(self.pool3(self.prelu3(self.conv3(x)))))
        x = self.prelu5(self.dense5(_flat(x)))
        return self.dense6_2(x), self.dense6_3(x), self.dense6_1(x).softmax(dim=1)


class Networks(nn.Module):
    """The three of them, in eval mode, parameters frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.proposal, self.refinement, self.output = ProposalNetwork(), RefinementNetwork(), OutputNetwork()
        self.eval().requires_grad_(False)


def load_networks(names: tuple[str, str, str] = ZOO) -> Networks:
    """The networks on the CPU, out of their files.

    Args:
        names: of the zoo, or paths, of the three.

    Raises:
        WeightsError: not fetched yet (says how), or a file that is missing, unsafe or does not fit.
    """
    networks = Networks()
    for network, name in zip((networks.proposal, networks.refinement, networks.output), names, strict=True):
        path: Path = resolve(name)
        fill(network, load_tensors(path)[0], path)
    return networks.eval().requires_grad_(False)


def _pool(side: int) -> nn.MaxPool2d:
    """Every two pixels, a rest at the end counted as well."""
    return nn.MaxPool2d(side, 2, ceil_mode=True)


def _flat(x: Tensor) -> Tensor:
    """(N,C,h,w) -> (N,w*h*C), column by column: the files were converted from MATLAB's order."""
    return torch.permute(x, (0, 3, 2, 1)).flatten(1)
