"""StyleGAN's generator (Karras et al. 2019, arXiv:1812.04948), state-dict compatible with HiGAN's files.

Per layer: (up)convolution, blur [1,2,1] where it doubles the size, noise, bias, leaky ReLU (0.2), instance
normalisation (eps 1e-8), then style x * (s0 + 1) + s1. That output is what a tap of the layer returns.

The equalised-learning-rate factor g of a convolution is never baked into its weight. It is not multiplied onto the
features either: leaky ReLU and instance normalisation commute with a positive factor, so bias and noise are divided by
g and eps by g^2 instead, which is the same function for free. Tensors run channels-last: faster convolutions on CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate.base import StyleBasedGenerator, Truncation, channels_at, pixel_norm
from higan_cam.generate.stylegan_layers import WEIGHT_GAIN, Dense, FirstLayer, Layer, ToRgb
from higan_cam.types import SynthesisState


class _Mapping(nn.Module):
    """`dense0` … with leaky ReLU and a learning-rate multiplier of 0.01."""

    def __init__(self, z_dim: int, w_dim: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        for layer in range(layers):
            inputs = z_dim if layer == 0 else hidden
            outputs = w_dim if layer == layers - 1 else hidden
            self.add_module(f"dense{layer}", Dense(inputs, outputs, gain=WEIGHT_GAIN, lr=0.01))

    def forward(self, z: Tensor) -> Tensor:
        """(N,z_dim) -> (N,w_dim)."""
        w = pixel_norm(z)
        for layer in range(self.layers):
            w = F.leaky_relu(self.get_submodule(f"dense{layer}")(w), 0.2)
        return w


class _Synthesis(nn.Module):
    """Container that gives the layers their names: `lod`, `layer{i}`, `output{b}`."""

    def __init__(self, resolutions: Sequence[int], channels: Sequence[int], w_dim: int) -> None:
        super().__init__()
        # Level of detail of progressive growing. Only 0 (finished) is supported; the loader refuses anything else.
        self.register_buffer("lod", torch.zeros(()))
        for block, (side, width) in enumerate(zip(resolutions, channels, strict=True)):
            first = FirstLayer(width, w_dim) if block == 0 else Layer(channels[block - 1], width, side, w_dim, up=True)
            self.add_module(f"layer{2 * block}", first)
            self.add_module(f"layer{2 * block + 1}", Layer(width, width, side, w_dim, up=False))
            self.add_module(f"output{block}", ToRgb(width))


class StyleGAN(StyleBasedGenerator):
    """StyleGAN generator. At 256 px: 14 layers, layer i reads row i of w+; the image is RGB of the last layer.

    Args:
        resolution: side of the image, pixels, a power of 2 from 8 to 1024.
        z_dim, w_dim: code lengths.
        mapping_layers: dense layers of the mapping network; mapping_width: their hidden width.
        channels: feature channels per side (4 px up): {side: count}, a sequence, or None for the published
            min(16384 / side, 512).
        truncation_psi: pull towards the mean code, 1 for none; truncation_layers: w+ rows it applies to. The
            defaults are HiGAN's.
    """

    def __init__(
        self,
        *,
        resolution: int = 256,
        z_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 8,
        mapping_width: int = 512,
        channels: Mapping[int, int] | Sequence[int] | None = None,
        truncation_psi: float = 0.7,
        truncation_layers: int = 8,
    ) -> None:
        super().__init__(
            resolution=resolution,
            z_dim=z_dim,
            w_dim=w_dim,
            truncation_psi=truncation_psi,
            truncation_layers=truncation_layers,
        )
        self.channels = channels_at(self.block_resolutions, channels, base=16384)
        self.mapping = _Mapping(z_dim, w_dim, mapping_width, mapping_layers)
        self.truncation = Truncation(w_dim, self.edit_strength)
        self.synthesis = _Synthesis(self.block_resolutions, self.channels, w_dim)

    def map(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,w_dim) intermediate codes w, before truncation; z is normalised first."""
        w: Tensor = self.mapping(z)
        return w

    def _layer_resolutions(self) -> tuple[int, ...]:
        return tuple(side for side in self.block_resolutions for _ in range(2))

    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        layer = self.synthesis.get_submodule(f"layer{state.layer}")
        return SynthesisState(state.layer + 1, layer(state.features, w_plus[:, state.layer]))

    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:  # noqa: ARG002 - RGB has no style here
        last: Tensor = self.synthesis.get_submodule(f"output{len(self.channels) - 1}")(state.features)
        return last
