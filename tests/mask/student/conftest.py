"""A tiny student with random weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from higan_cam.mask.student import StudentNetwork

SIDE = 32


@pytest.fixture
def network() -> StudentNetwork:
    """Three levels, in training mode, whose statistics are those of no standard normal."""
    torch.manual_seed(0)
    network = StudentNetwork((4, 6, 8))
    draws = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=draws))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=draws))
    nn.init.normal_(network.head.weight, generator=draws)
    return network
