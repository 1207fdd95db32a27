"""StyleGAN2's generator (Karras et al. 2020, arXiv:1912.04958), configuration F with skip connections.

State-dict compatible with HiGAN's files, key by key; convolution weights are stored (kh,kw,in,out).

Per layer: y = leaky_relu(d * conv(s * x) + strength * noise + bias) * sqrt(2), with style s = A w + b + 1 and
demodulation d_o = 1 / sqrt(sum_{i,k} (s_i W_oik)^2 + 1e-8). Scaling features before and after one shared convolution
equals the paper's per-sample weights (eqs. 1-3) and avoids a grouped convolution. Up-convolutions are a stride-2
transposed convolution followed by the FIR filter [1,3,3,1] with gain 4: measured faster than one folded 6 x 6 kernel
except for tiny inputs. Tensors run channels-last, which halves the up-convolution's time on CPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate.base import StyleBasedGenerator, Truncation, channels_at, normal, outer_square, pixel_norm
from higan_cam.generate.frozen import Frozen, frozen
from higan_cam.types import SynthesisState

NoiseChannels = Literal["one", "per_channel"]
ACTIVATION_GAIN = math.sqrt(2.0)


def fir_kernel() -> Tensor:
    """(1,1,4,4) outer product of [1,3,3,1] / 4: gain 4, which makes up for the zeros that upsampling inserts."""
    return outer_square((0.25, 0.75, 0.75, 0.25))[None, None]


class Fir(nn.Module):
    """The fixed low-pass filter, per channel. Buffer: `kernel` (1,1,4,4)."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", fir_kernel())

    def blur(self, x: Tensor) -> Tensor:
        """(N,C,2h+1,2w+1) -> (N,C,2h,2w)."""
        channels = x.shape[1]
        return F.conv2d(x, self.kernel.expand(channels, 1, 4, 4), padding=1, groups=channels)

    def upsample(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C,2h,2w): zeros in between, then the filter."""
        channels = x.shape[1]
        return F.conv_transpose2d(x, self.kernel.expand(channels, 1, 4, 4), stride=2, padding=1, groups=channels)


class Dense(nn.Module):
    """Fully connected layer with equalised learning rate: x W^T * (lr / sqrt(in)) + lr * bias + extra_bias.

    Parameters: `fc.weight` (out,in), `bias` (out,).
    """

    def __init__(self, inputs: int, outputs: int, *, lr: float = 1.0, extra_bias: float = 0.0) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs, bias=False)
        self.fc.weight = nn.Parameter(normal(outputs, inputs, std=1.0 / lr))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight_scale = lr / math.sqrt(inputs)
        self.lr = lr
        self.extra_bias = extra_bias

    def forward(self, x: Tensor) -> Tensor:
        """(N,in) -> (N,out)."""
        return F.linear(x, self.fc.weight * self.weight_scale, self.bias * self.lr + self.extra_bias)


class ModulatedLayer(nn.Module):
    """Style-modulated convolution with demodulation, noise, bias and leaky ReLU; optionally doubling the size.

    Parameters: `weight` (3,3,in,out), `bias` (out,), `noise_strength` (), `style.*`; `noise` (1,1,h,w) is a buffer, or
    (1,out,h,w) a learned parameter with noise "per_channel".
    """

    noise: Tensor

    def __init__(
        self, inputs: int, outputs: int, resolution: int, w_dim: int, *, up: bool, noise: NoiseChannels
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(normal(3, 3, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = Dense(w_dim, inputs, extra_bias=1.0)
        self.weight_scale = 1.0 / math.sqrt(9 * inputs)
        if noise == "one":
            self.noise_strength = nn.Parameter(torch.zeros(()))
            self.register_buffer("noise", normal(1, 1, resolution, resolution))
        else:
            self.noise_strength = nn.Parameter(torch.ones(()))
            self.noise = nn.Parameter(normal(1, outputs, resolution, resolution, std=0.1))
        self.filter = Fir() if up else None
        self._frozen: Frozen | None = None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N or 1,in,h,w), (N,w_dim) -> (N,out,h,w), or twice the side when doubling."""
        sources = (self.weight, self.bias, self.noise, self.noise_strength)
        self._frozen, (kernel, energy, shift) = frozen(self._frozen, sources, self._constants)
        style = self.style(w) * self.weight_scale
        y = self._convolve(x * style[:, :, None, None], kernel)
        gain = (_demodulation(style, energy) * ACTIVATION_GAIN).to(y.dtype)
        # The gain is positive, so it commutes with leaky ReLU and one pass over the features does all of it.
        return F.leaky_relu(torch.addcmul(shift.to(y.dtype), y, gain[:, :, None, None]), 0.2, inplace=True)

    def _constants(self) -> tuple[Tensor, Tensor, Tensor]:
        """Kernel as its convolution wants it, (in,out) sums of its squares, and (1,1 or out,h,w) noise with bias."""
        up = self.filter is not None
        kernel = self.weight.flip(0, 1).permute(2, 3, 0, 1) if up else self.weight.permute(3, 2, 0, 1)
        wide = torch.promote_types(self.weight.dtype, torch.float32)
        energy = self.weight.to(wide).square().sum(dim=(0, 1))
        shift = (self.noise * self.noise_strength + self.bias[:, None, None]) * ACTIVATION_GAIN
        channels_last = torch.channels_last
        return kernel.contiguous(memory_format=channels_last), energy, shift.contiguous(memory_format=channels_last)

    def _convolve(self, x: Tensor, kernel: Tensor) -> Tensor:
        if self.filter is None:
            return F.conv2d(x, kernel, padding=1)
        return self.filter.blur(F.conv_transpose2d(x, kernel, stride=2))


def _demodulation(style: Tensor, energy: Tensor) -> Tensor:
    """(N,in) scaled styles, (in,out) -> (N,out) factors that give unit variance; float32 at least, despite autocast."""
    with torch.autocast(style.device.type, enabled=False):
        return torch.rsqrt(style.to(energy.dtype).square() @ energy + 1e-8)


class ToRgb(nn.Module):
    """Style-modulated 1 x 1 convolution to RGB, without demodulation, noise or activation.

    Parameters: `weight` (1,1,in,3), `bias` (3,), `style.*`.
    """

    def __init__(self, inputs: int, w_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(normal(1, 1, inputs, 3))
        self.bias = nn.Parameter(torch.zeros(3))
        self.style = Dense(w_dim, inputs, extra_bias=1.0)
        self.weight_scale = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N or 1,in,h,w), (N,w_dim) -> (N,3,h,w)."""
        style = self.style(w) * self.weight_scale
        return F.conv2d(x * style[:, :, None, None], self.weight.permute(3, 2, 0, 1), self.bias)


class _Mapping(nn.Module):
    """`dense0` … of leaky ReLU layers with a learning-rate multiplier of 0.01."""

    def __init__(self, z_dim: int, w_dim: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        for layer in range(layers):
            inputs = z_dim if layer == 0 else hidden
            outputs = w_dim if layer == layers - 1 else hidden
            self.add_module(f"dense{layer}", Dense(inputs, outputs, lr=0.01))

    def forward(self, z: Tensor) -> Tensor:
        """(N,z_dim) -> (N,w_dim)."""
        w = pixel_norm(z)
        for layer in range(self.layers):
            w = F.leaky_relu(self.get_submodule(f"dense{layer}")(w), 0.2) * ACTIVATION_GAIN
        return w


class _ConstantInput(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.const = nn.Parameter(normal(1, channels, 4, 4))


class _Synthesis(nn.Module):
    """Container that gives the layers their names: `early_layer`, `layer{i}`, `output{b}`, `upsample`."""

    def __init__(self, resolutions: Sequence[int], channels: Sequence[int], w_dim: int, noise: NoiseChannels) -> None:
        super().__init__()
        self.early_layer = _ConstantInput(channels[0])
        for block, (side, width) in enumerate(zip(resolutions, channels, strict=True)):
            if block > 0:
                up = ModulatedLayer(channels[block - 1], width, side, w_dim, up=True, noise=noise)
                self.add_module(f"layer{2 * block - 1}", up)
            self.add_module(f"layer{2 * block}", ModulatedLayer(width, width, side, w_dim, up=False, noise=noise))
            self.add_module(f"output{block}", ToRgb(width, w_dim))
        self.upsample = Fir()


class StyleGAN2(StyleBasedGenerator):
    """StyleGAN2 generator, config F, skip architecture.

    At 256 px: 14 rows of w+ and 13 convolution layers; layer i reads row i, RGB output b (after layer 2b) row 2b + 1.

    Args:
        resolution: side of the image, pixels, a power of 2 from 8 to 1024.
        z_dim, w_dim: code lengths.
        mapping_layers: dense layers of the mapping network; mapping_width: their hidden width.
        channels: feature channels per side (4 px up): {side: count}, a sequence, or None for the published
            min(32768 / side, 512).
        noise_channels: "one" for a fixed noise image per layer (official files), "per_channel" for learned maps.
        truncation_psi: pull towards the mean code, 1 for none; truncation_layers: w+ rows it applies to.
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
        noise_channels: NoiseChannels = "one",
        truncation_psi: float = 1.0,
        truncation_layers: int = 0,
    ) -> None:
        super().__init__(
            resolution=resolution,
            z_dim=z_dim,
            w_dim=w_dim,
            truncation_psi=truncation_psi,
            truncation_layers=truncation_layers,
        )
        self.channels = channels_at(self.block_resolutions, channels, base=32768)
        self.mapping = _Mapping(z_dim, w_dim, mapping_width, mapping_layers)
        self.truncation = Truncation(w_dim, self.edit_strength)
        self.synthesis = _Synthesis(self.block_resolutions, self.channels, w_dim, noise_channels)

    def map(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,w_dim) intermediate codes w, before truncation; z is normalised first."""
        w: Tensor = self.mapping(z)
        return w

    def _layer_resolutions(self) -> tuple[int, ...]:
        first, *rest = self.block_resolutions
        return (first, *(side for side in rest for _ in range(2)))

    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        layer, x, rgb = state.layer, state.features, state.rgb
        if x is None:
            x = self.synthesis.early_layer.const.contiguous(memory_format=torch.channels_last)
        # Output b reads row 2b + 1, so it runs with layer 2b + 1: a state never depends on a row it has not reached.
        if layer % 2 == 1:
            rgb = self._add_output(layer // 2, x, rgb, w_plus)
        x = self.synthesis.get_submodule(f"layer{layer}")(x, w_plus[:, layer])
        return SynthesisState(layer + 1, x, rgb)

    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:
        if state.features is None:
            raise ValueError("the state has no features: no layer has run")
        return self._add_output(len(self.channels) - 1, state.features, state.rgb, w_plus)

    def _add_output(self, block: int, x: Tensor, rgb: Tensor | None, w_plus: Tensor) -> Tensor:
        output: Tensor = self.synthesis.get_submodule(f"output{block}")(x, w_plus[:, 2 * block + 1])
        return output if rgb is None else output + self.synthesis.upsample.upsample(rgb)
