"""ProGAN's generator (Karras et al. 2018, arXiv:1710.10196, table 2), state-dict compatible with HiGAN's files.

Per layer: nearest doubling where the block begins, 3 x 3 convolution (4 x 4 from z), bias, leaky ReLU (0.2), pixel
norm. That output is what a tap of the layer returns. The image is a linear 1 x 1 convolution of the last layer.

There is no mapping network: `map` scales z to length sqrt(z_dim), which is what the network does to it anyway, and
edits move z. As in HiGAN the code is normalised once more on the way in, so that an edit's distance is an angle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate.base import LatentGenerator, channels_at, pixel_norm
from higan_cam.generate.stylegan_layers import WEIGHT_GAIN, Bias, Conv
from higan_cam.types import SynthesisState


class EqualConv(nn.Module):
    """Convolution with equalised learning rate: conv(x, weight * gain / sqrt(fan in)) + bias.

    Parameters: `conv.weight` (out,in,size,size), `wscale.bias` (out,).
    """

    def __init__(self, inputs: int, outputs: int, size: int, *, gain: float, padding: int) -> None:
        super().__init__()
        self.conv = Conv(inputs, outputs, size)
        self.wscale = Bias(outputs)
        self.weight_scale = gain / math.sqrt(size * size * inputs)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """(N,in,h,w) -> (N,out,h + 2 padding - size + 1, …)."""
        return F.conv2d(x, self.conv.weight * self.weight_scale, self.wscale.bias, padding=self.padding)


class PGGAN(LatentGenerator):
    """ProGAN generator, fully grown. At 256 px: 14 layers; one row of w+, which is z.

    Args:
        resolution: side of the image, pixels, a power of 2 from 8 to 1024.
        z_dim: length of z.
        channels: feature channels per side (4 px up): {side: count}, a sequence, or None for the published
            min(16384 / side, 512).
    """

    def __init__(
        self, *, resolution: int = 256, z_dim: int = 512, channels: Mapping[int, int] | Sequence[int] | None = None
    ) -> None:
        super().__init__(resolution=resolution, z_dim=z_dim)
        self.channels = channels_at(self.block_resolutions, channels, base=16384)
        # Level of detail of progressive growing. Only 0 (finished) is supported; the loader refuses anything else.
        self.register_buffer("lod", torch.zeros(()))
        for block, width in enumerate(self.channels):
            inputs, size, padding = (z_dim, 4, 3) if block == 0 else (self.channels[block - 1], 3, 1)
            self.add_module(f"layer{2 * block}", EqualConv(inputs, width, size, gain=WEIGHT_GAIN, padding=padding))
            self.add_module(f"layer{2 * block + 1}", EqualConv(width, width, 3, gain=WEIGHT_GAIN, padding=1))
            self.add_module(f"output{block}", EqualConv(width, 3, 1, gain=1.0, padding=0))

    def map(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,z_dim), each scaled to length sqrt(z_dim)."""
        return pixel_norm(z)

    def _layer_resolutions(self) -> tuple[int, ...]:
        return tuple(side for side in self.block_resolutions for _ in range(2))

    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        layer, x = state.layer, state.features
        if x is None:
            x = pixel_norm(w_plus[:, 0])[:, :, None, None]
        elif layer % 2 == 0:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = F.leaky_relu(self.get_submodule(f"layer{layer}")(x), 0.2)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # a sum of squares does not survive 16 bits
        return SynthesisState(layer + 1, pixel_norm(wide).to(x.dtype))

    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:  # noqa: ARG002 - RGB has no style here
        image: Tensor = self.get_submodule(f"output{len(self.channels) - 1}")(state.features)
        return image
