"""The layers of StyleGAN's generator; `stylegan` says how they are used.

Nearest doubling and a 3 x 3 convolution are one transposed 4 x 4 convolution of stride 2: 4 products per output pixel
and channel pair instead of 9. The published files store it that way from 128 px; here it is used from 16 px, and the
kernel of a frozen layer is made once.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate.base import normal, outer_square
from higan_cam.generate.frozen import Frozen, frozen

FUSED_FROM = 128
"""Side in pixels from which files store the weight of a doubling convolution transposed (the published "auto" rule)."""
FOLDED_FROM = 16
"""Side in pixels from which doubling and convolution run as one; below, the larger kernel costs more than it saves."""
EPS = 1e-8
WEIGHT_GAIN = math.sqrt(2.0)


class Bias(nn.Module):
    """Holds `bias` (channels,) under a name of its own, as published files do."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))


class Dense(nn.Module):
    """x W^T * (gain * lr / sqrt(in)) + lr * bias. Parameters: `fc.weight` (out,in), `wscale.bias` (out,)."""

    def __init__(self, inputs: int, outputs: int, *, gain: float = 1.0, lr: float = 1.0) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs, bias=False)
        self.fc.weight = nn.Parameter(normal(outputs, inputs, std=1.0 / lr))
        self.wscale = Bias(outputs)
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
        self.register_buffer("noise", normal(1, 1, resolution, resolution))


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


class FirstLayer(nn.Module):
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


class Conv(nn.Module):
    """Holds `weight` (out,in,size,size) under a name of its own, as published files do."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(normal(outputs, inputs, size, size))


class _Blur(nn.Module):
    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("kernel", outer_square((0.25, 0.5, 0.25)).repeat(channels, 1, 1, 1))


class Layer(nn.Module):
    """3 x 3 convolution and epilogue; with `up`, nearest doubling before and [1,2,1] blur after.

    Parameters: `conv.weight` (out,in,3,3), or `weight` (3,3,in,out) where doubling is fused; `epilogue.*`.
    """

    def __init__(self, inputs: int, outputs: int, resolution: int, w_dim: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.fused = up and resolution >= FUSED_FROM
        self.folded = up and resolution >= FOLDED_FROM
        self._frozen: Frozen | None = None
        if self.fused:
            self.weight = nn.Parameter(normal(3, 3, inputs, outputs))
        else:
            self.conv = Conv(inputs, outputs, 3)
        if up:
            self.blur = _Blur(outputs)
        self.epilogue = Epilogue(outputs, resolution, w_dim, WEIGHT_GAIN / math.sqrt(9 * inputs))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N or 1,in,h,w), (N,w_dim) -> (N,out,h,w), or twice the side with `up`."""
        bias = self.epilogue.scaled_bias
        if self.folded:
            x = F.conv_transpose2d(x, self._kernel(), stride=2, padding=1)
        elif self.up:
            x = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), self.conv.weight, padding=1)
        else:
            x = F.conv2d(x, self.conv.weight, bias, padding=1)
        if self.up:
            x = F.conv2d(x, self.blur.kernel, bias, padding=1, groups=x.shape[1])
        out: Tensor = self.epilogue(x, w)
        return out

    def _kernel(self) -> Tensor:
        """(in,out,4,4). Making it takes as long as the small convolutions."""
        weight = self.weight if self.fused else self.conv.weight
        self._frozen, (kernel,) = frozen(self._frozen, (weight,), self._folded)
        return kernel

    def _folded(self) -> tuple[Tensor]:
        return (self._transposed().contiguous(memory_format=torch.channels_last),)

    def _transposed(self) -> Tensor:
        if self.fused:
            return doubling_kernel(self.weight.permute(2, 3, 0, 1))
        return doubling_kernel(self.conv.weight.flip(2, 3).transpose(0, 1))


def doubling_kernel(weight: Tensor) -> Tensor:
    """(in,out,3,3) of a transposed convolution -> (in,out,4,4) whose stride 2 copies each input pixel: box-summed."""
    padded = F.pad(weight, (1, 1, 1, 1))
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    return rows[..., 1:] + rows[..., :-1]


class ToRgb(nn.Module):
    """1 x 1 convolution to RGB. Parameters: `conv.weight` (3,in,1,1), `bias` (3,)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))
        self.conv = Conv(inputs, 3, 1)
        self.weight_scale = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N,in,h,w) -> (N,3,h,w)."""
        return F.conv2d(x, self.conv.weight * self.weight_scale, self.bias)
