"""The tiny generator of the second set of reference data (shared/reference2, section 7), of regenerated weights."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate.base import LayeredGenerator
from higan_cam.types import SynthesisState
from tests.support.reference2 import draw

ROWS, CODE, CHANNELS, SIDE = 4, 8, 6, 16
DOUBLED = 2
"""The layer before which the side doubles."""


class TinyGenerator(LayeredGenerator):
    """Four rows of w+, 8 coordinates, 6 channels, 16 px; leaky ReLU, then a style that scales and shifts."""

    def __init__(self) -> None:
        super().__init__(resolution=SIDE, z_dim=CODE, w_dim=CODE, edit_strength=(1.0,) * ROWS)
        self.constant = draw("tiny/const", (1, CHANNELS, SIDE // 2, SIDE // 2))
        self.rgb = 0.4 * draw("tiny/rgb.weight", (3, CHANNELS, 1, 1))
        self.kernels = [
            math.sqrt(2 / 54) * draw(f"tiny/conv{row}.weight", (CHANNELS, CHANNELS, 3, 3)) for row in range(ROWS)
        ]
        self.styles = [0.3 * draw(f"tiny/style{row}.weight", (2 * CHANNELS, CODE)) for row in range(ROWS)]
        self.biases = [0.1 * draw(f"tiny/style{row}.bias", (2 * CHANNELS,)) for row in range(ROWS)]
        self.mean_code = 0.5 * draw("tiny/w_avg", (CODE,))

    def map(self, z: Tensor) -> Tensor:
        """(N,8) -> (N,8), unchanged."""
        return z

    def truncate(self, w: Tensor) -> Tensor:
        """(N,8) -> (N,4,8)."""
        return w[:, None].expand(-1, ROWS, -1)

    def _layer_resolutions(self) -> tuple[int, ...]:
        return tuple(SIDE // 2 if row < DOUBLED else SIDE for row in range(ROWS))

    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        row = state.layer
        x = self.constant.expand(len(w_plus), -1, -1, -1) if state.features is None else state.features
        if row == DOUBLED:
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        scale, shift = F.linear(w_plus[:, row], self.styles[row], self.biases[row])[:, :, None, None].chunk(2, dim=1)
        x = F.leaky_relu(F.conv2d(x, self.kernels[row], padding=1), 0.2)
        return SynthesisState(row + 1, x * (1 + scale) + shift)

    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:  # noqa: ARG002 - RGB has no style here
        assert state.features is not None
        return F.conv2d(state.features, self.rgb)


def tiny_statistics_mean(generator: TinyGenerator) -> Tensor:
    """(4,8) the mean code in every row."""
    return torch.stack([generator.mean_code] * ROWS)
