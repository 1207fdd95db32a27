"""StyleGAN against a slow implementation; the full network is compared with HiGAN's numbers in tests/parity."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate import StyleGAN
from higan_cam.generate.stylegan import Layer, doubling_kernel, standardize


def reference(layer: Layer, x: Tensor, w: Tensor) -> Tensor:
    """The layer in the order of the published code: scaled convolution, blur, noise, bias, activation, norm, style."""
    stored = layer.weight.permute(3, 2, 0, 1).flip(2, 3) if layer.fused else layer.conv.weight
    weight = stored * math.sqrt(2 / stored[0].numel())
    if layer.up:
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    x = F.conv2d(x, weight, padding=1)
    if layer.up:
        taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype) / 4
        x = F.conv2d(x, torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])
    epilogue = layer.epilogue
    x = x + epilogue.apply_noise.noise * epilogue.apply_noise.weight[:, None, None] + epilogue.bias[:, None, None]
    x = F.leaky_relu(x, 0.2)
    x = (x - x.mean((2, 3), keepdim=True)) / torch.sqrt(x.var((2, 3), correction=0, keepdim=True) + 1e-8)
    dense = epilogue.style_mod.dense
    style = w @ dense.fc.weight.T / math.sqrt(w.shape[1]) + dense.wscale.bias
    scale, shift = style[:, :, None, None].chunk(2, dim=1)
    return x * (scale + 1) + shift


@pytest.mark.parametrize(("resolution", "up"), [(16, False), (16, True), (128, True)])
def test_a_layer_equals_the_published_order_of_operations(resolution: int, up: bool) -> None:
    torch.manual_seed(3)
    layer = Layer(5, 4, resolution, 6, up=up).double().requires_grad_(False)
    for parameter in layer.parameters():
        parameter.normal_()
    side = resolution // 2 if up else resolution
    x, w = torch.randn(2, 5, side, side, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x, w), reference(layer, x, w), rtol=1e-9, atol=1e-9)


def test_doubling_is_fused_from_128_px() -> None:
    generator = StyleGAN(resolution=256, z_dim=4, w_dim=4, mapping_width=4, channels=(2,) * 7)
    keys = set(generator.state_dict())
    assert {"synthesis.layer8.conv.weight", "synthesis.layer10.weight", "synthesis.layer12.weight"} <= keys
    assert generator.num_layers == len(generator.layer_resolutions) == 14


def test_doubling_kernel_sums_to_four_times_the_kernel() -> None:
    weight = torch.randn(3, 3, 2, 5)
    torch.testing.assert_close(doubling_kernel(weight).sum((2, 3)), 4 * weight.sum((0, 1)))


def test_standardize_survives_a_nearly_constant_channel() -> None:
    signal = torch.randn(1, 1, 64, 64, dtype=torch.float64)
    centred, inverse_std = standardize((100 + 1e-2 * signal).float(), eps=1e-8)
    exact = (signal - signal.mean()) / signal.std(correction=0)
    assert (centred * inverse_std - exact).abs().max() < 0.01


def test_statistics_are_float32_under_half_precision() -> None:
    centred, inverse_std = standardize(torch.randn(1, 2, 8, 8).bfloat16() * 1e3, eps=1e-8)
    assert centred.dtype == inverse_std.dtype == torch.float32
    assert torch.isfinite(centred * inverse_std).all()
