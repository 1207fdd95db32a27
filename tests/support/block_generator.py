"""A linear generator whose answer is known: each style channel lights one block of pixels and nothing else."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.base import LayeredGenerator
from higan_cam.generate.styles import StyleAffine
from higan_cam.types import SynthesisState

ROWS, CODE, SIDE, BLOCK = 2, 6, 16, 4
CHANNELS = 3
"""Per row. Channel c of row r lights the block of BLOCK x BLOCK pixels at (4 r, 4 c), with `GAINS[r][c]`."""
GAINS = ((0.02, 0.08, 0.01), (0.04, 0.0, 0.03))


class BlockGenerator(LayeredGenerator):
    """w (6) -> styles (3 per row, by two random matrices) -> blocks; gain 0 is a channel without any answer."""

    def __init__(self) -> None:
        super().__init__(resolution=SIDE, z_dim=CODE, w_dim=CODE, edit_strength=(0.5, 1.0))
        draw = np.random.default_rng(6)
        self.affines = tuple(
            StyleAffine(row, f"layer{row}", draw.standard_normal((CHANNELS, CODE))) for row in range(ROWS)
        )
        blocks = torch.zeros(ROWS, CHANNELS, SIDE, SIDE)
        for row, gains in enumerate(GAINS):
            for channel, gain in enumerate(gains):
                blocks[row, channel, BLOCK * row :, BLOCK * channel :][:BLOCK, :BLOCK] = gain
        self.blocks = blocks

    def map(self, z: Tensor) -> Tensor:
        """(N,6) -> (N,6), unchanged."""
        return z

    def truncate(self, w: Tensor) -> Tensor:
        """(N,6) -> (N,2,6)."""
        return w[:, None].expand(-1, ROWS, -1).clone()

    def _layer_resolutions(self) -> tuple[int, ...]:
        return (SIDE,) * ROWS

    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        styles = w_plus[:, state.layer] @ torch.from_numpy(self.affines[state.layer].weight).to(w_plus).T
        drawn = torch.einsum("nc,chw->nhw", styles, self.blocks[state.layer])[:, None].expand(-1, 3, -1, -1)
        return SynthesisState(state.layer + 1, drawn if state.features is None else state.features + drawn)

    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:  # noqa: ARG002 - the features are the picture
        assert state.features is not None
        return state.features
