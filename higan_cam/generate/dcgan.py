"""DCGAN's generator (Radford et al. 2016, arXiv:1511.06434), in the layout of the PyTorch example and tutorial.

`main` is a sequence of (4 x 4 transposed convolution, batch norm, ReLU) blocks, the first from z to 4 px, each other
doubling the side, and a last transposed convolution with tanh to the image: K blocks draw 4 x 2^K px. A tap returns a
block's output, after ReLU. Batch norm uses its running statistics, so a sample does not depend on its batch.

There is no mapping network and no normalisation of z: `map` is the identity, and edits move z.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from higan_cam.generate.base import LatentGenerator
from higan_cam.types import SynthesisState

PARTS = 3
"""Modules per block: convolution, batch norm, ReLU."""


class DCGAN(LatentGenerator):
    """DCGAN generator. At 64 px: 4 blocks that can be tapped; one row of w+, which is z.

    Args:
        resolution: side of the image, pixels, a power of 2 from 8 to 1024.
        z_dim: length of z.
        channels: of each block's output, 4 px to half the resolution; None for the example's 64 at half the
            resolution, doubled with every halving of the side.
    """

    def __init__(self, *, resolution: int = 64, z_dim: int = 100, channels: Sequence[int] | None = None) -> None:
        super().__init__(resolution=resolution, z_dim=z_dim)
        sides = self.layer_resolutions
        self.channels = tuple(channels) if channels is not None else tuple(32 * resolution // side for side in sides)
        if len(self.channels) != len(sides) or min(self.channels) < 1:
            raise ValueError(f"channels needs {len(sides)} counts >= 1 (4 to {sides[-1]} px), got {self.channels}")
        self.main = nn.Sequential()
        for inputs, outputs in zip((z_dim, *self.channels), self.channels, strict=False):
            stride, padding = (1, 0) if len(self.main) == 0 else (2, 1)
            self.main.append(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False))
            self.main.append(nn.BatchNorm2d(outputs))
            self.main.append(nn.ReLU())
        self.main.append(nn.ConvTranspose2d(self.channels[-1], 3, 4, 2, 1, bias=False))

    def map(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,z_dim), unchanged."""
        return z

    def _layer_resolutions(self) -> tuple[int, ...]:
        return self.block_resolutions[:-1]

    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        first = PARTS * state.layer
        x = w_plus[:, 0, :, None, None] if state.features is None else state.features
        return SynthesisState(state.layer + 1, self.main[first : first + PARTS](x))

    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:  # noqa: ARG002 - the image has no style
        return torch.tanh(self.main[-1](state.features))
