"""StyleGAN's generator (Karras et al. 2019, arXiv:1812.04948), state-dict compatible with HiGAN's files.

Per layer: (up)convolution, blur [1,2,1] where it doubles the size, noise, bias, leaky ReLU (0.2), instance
normalisation (eps 1e-8), then style x * (s0 + 1) + s1. That output is what a tap of the layer returns.

The equalised-learning-rate factor g of a convolution is never baked into its weight. It is not multiplied onto the
features either: leaky ReLU and instance normalisation commute with a positive factor, so bias and noise are divided by
g and eps by g^2 instead, which is the same function for free. Tensors run channels-last: faster convolutions on CPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate.base import StyleBasedGenerator, Truncation, channels_at, pixel_norm
from higan_cam.types import SynthesisState

FUSED_FROM = 128
"""Side in pixels from which doubling is one transposed convolution (the published files' "auto" rule)."""
EPS = 1e-8
WEIGHT_GAIN = math.sqrt(2.0)


class _Bias(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))


class Dense(nn.Module):
    """x W^T * (gain * lr / sqrt(in)) + lr * bias. Parameters: `fc.weight` (out,in), `wscale.bias` (out,)."""

    def __init__(self, inputs: int, outputs: int, *, gain: float = 1.0, lr: float = 1.0) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs, bias=False)
        nn.init.normal_(self.fc.weight, std=1.0 / lr)
        self.wscale = _Bias(outputs)
        self.weight_scale = gain * lr / math.sqrt(inputs)
        self.lr = lr

    def forward(self, x: Tensor) -> Tensor:
        """(N,in) -> (N,out)."""
        return F.linear(x, self.fc.weight * self.weight_scale, self.wscale.bias * self.lr)


class _Noise(nn.Module):
    """A fixed noise image with one strength per channel: `noise` (1,1,h,w), `weight` (C,)."""

    noise: Tensor

    def __init__(self, channels: int, resolution: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))


class _Style(nn.Module):
    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.dense = Dense(w_dim, 2 * channels)


class Epilogue(nn.Module):
    """Noise, bias, leaky ReLU, instance normalisation and style of features that still lack the weight factor.

    Args:
        channels, resolution: of the features.
        w_dim: length of w.
        weight_scale: the factor g that the convolution left out.
    """

    def __init__(self, channels: int, resolution: int, w_dim: int, weight_scale: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.apply_noise = _Noise(channels, resolution)
        self.style_mod = _Style(channels, w_dim)
        self.weight_scale = weight_scale

    @property
    def scaled_bias(self) -> Tensor:
        """(C,) bias to add before `forward`, where a convolution takes it along for free."""
        return self.bias / self.weight_scale

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N or 1,C,h,w) features with their scaled bias, (N,w_dim) -> (N,C,h,w)."""
        strength = self.apply_noise.weight[:, None, None] / self.weight_scale
        x = F.leaky_relu(torch.addcmul(x, self.apply_noise.noise, strength), 0.2, inplace=True)
        centred, inverse_std = standardize(x, EPS / self.weight_scale**2)
        scale, shift = self.style_mod.dense(w)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, centred, inverse_std * (scale + 1))


def standardize(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """(N,C,h,w) -> centred (N,C,h,w) and 1 / standard deviation (N,C,1,1), per sample and channel; float32 at least.

    The variance is of the centred values: E[x^2] - E[x]^2 loses all digits in channels that are nearly constant.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    centred = wide - wide.mean(dim=(2, 3), keepdim=True)
    return centred, torch.rsqrt(centred.square().mean(dim=(2, 3), keepdim=True) + eps)


class _FirstLayer(nn.Module):
    """Layer 0: the learned constant. Parameters: `const` (1,C,4,4), `epilogue.*`."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.ones(1, channels, 4, 4))
        self.epilogue = Epilogue(channels, 4, w_dim, weight_scale=1.0)

    def forward(self, x: Tensor | None, w: Tensor) -> Tensor:  # noqa: ARG002 - the signature of every layer
        """(N,w_dim) -> (N,C,4,4)."""
        const = self.const.contiguous(memory_format=torch.channels_last)
        out: Tensor = self.epilogue(const + self.epilogue.scaled_bias[:, None, None], w)
        return out


class _Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))


class _Blur(nn.Module):
    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("kernel", torch.outer(taps, taps).expand(channels, 1, 3, 3).contiguous())


class Layer(nn.Module):
    """3 x 3 convolution and epilogue; with `up`, nearest doubling before and [1,2,1] blur after.

    Parameters: `conv.weight` (out,in,3,3), or `weight` (3,3,in,out) where doubling is fused; `epilogue.*`.
    """

    def __init__(self, inputs: int, outputs: int, resolution: int, w_dim: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.fused = up and resolution >= FUSED_FROM
        if self.fused:
            self.weight = nn.Parameter(torch.randn(3, 3, inputs, outputs))
        else:
            self.conv = _Conv(inputs, outputs, 3)
        if up:
            self.blur = _Blur(outputs)
        self.epilogue = Epilogue(outputs, resolution, w_dim, WEIGHT_GAIN / math.sqrt(9 * inputs))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N or 1,in,h,w), (N,w_dim) -> (N,out,h,w), or twice the side with `up`."""
        bias = self.epilogue.scaled_bias
        if self.fused:
            x = F.conv_transpose2d(x, doubling_kernel(self.weight), stride=2, padding=1)
        elif self.up:
            x = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), self.conv.weight, padding=1)
        else:
            x = F.conv2d(x, self.conv.weight, bias, padding=1)
        if self.up:
            x = F.conv2d(x, self.blur.kernel, bias, padding=1, groups=x.shape[1])
        out: Tensor = self.epilogue(x, w)
        return out


def doubling_kernel(weight: Tensor) -> Tensor:
    """(3,3,in,out) -> (in,out,4,4): the kernel summed over a 2 x 2 box, so that stride 2 copies each input pixel."""
    padded = F.pad(weight.permute(2, 3, 0, 1), (1, 1, 1, 1))
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    return rows[..., 1:] + rows[..., :-1]


class _ToRgb(nn.Module):
    """1 x 1 convolution to RGB. Parameters: `conv.weight` (3,in,1,1), `bias` (3,)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))
        self.conv = _Conv(inputs, 3, 1)
        self.weight_scale = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N,in,h,w) -> (N,3,h,w)."""
        return F.conv2d(x, self.conv.weight * self.weight_scale, self.bias)


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
            first = _FirstLayer(width, w_dim) if block == 0 else Layer(channels[block - 1], width, side, w_dim, up=True)
            self.add_module(f"layer{2 * block}", first)
            self.add_module(f"layer{2 * block + 1}", Layer(width, width, side, w_dim, up=False))
            self.add_module(f"output{block}", _ToRgb(width))


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
