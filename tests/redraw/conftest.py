"""Upscalers of random weights, small enough for every test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from higan_cam.redraw.network import UpscalerNetwork

Build = Callable[..., UpscalerNetwork]


@pytest.fixture
def build() -> Build:
    """A network of random weights, its last layer too."""

    def made(scale: int = 2, features: int = 8, blocks: int = 2) -> UpscalerNetwork:
        torch.manual_seed(3)
        network = UpscalerNetwork(scale, features, blocks)
        torch.nn.init.normal_(network.last.weight, std=0.05)
        return network.eval().requires_grad_(False)

    return made
