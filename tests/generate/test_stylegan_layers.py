"""StyleGAN's layers against a slow implementation."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate.stylegan_layers import Layer, doubling_kernel, standardize


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


@pytest.mark.parametrize(("resolution", "up"), [(16, False), (8, True), (16, True), (128, True)])
def test_a_layer_equals_the_published_order_of_operations(resolution: int, up: bool) -> None:
    torch.manual_seed(3)
    layer = Layer(5, 4, resolution, 6, up=up).double().requires_grad_(False)
    for parameter in layer.parameters():
        parameter.normal_()
    side = resolution // 2 if up else resolution
    x, w = torch.randn(2, 5, side, side, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x, w), reference(layer, x, w), rtol=1e-9, atol=1e-9)


def test_doubling_kernel_sums_to_four_times_the_kernel() -> None:
    weight = torch.randn(2, 5, 3, 3)
    torch.testing.assert_close(doubling_kernel(weight).sum((2, 3)), 4 * weight.sum((2, 3)))


@pytest.mark.parametrize("resolution", [16, 128])
def test_a_frozen_layer_notices_that_its_weight_or_dtype_changed(resolution: int) -> None:
    layer = Layer(3, 2, resolution, 4, up=True).requires_grad_(False)
    x, w = torch.randn(1, 3, resolution // 2, resolution // 2), torch.randn(1, 4)
    layer(x, w)
    (layer.weight if layer.fused else layer.conv.weight).mul_(-1)
    torch.testing.assert_close(layer(x, w), reference(layer, x, w), rtol=1e-4, atol=1e-4)
    assert layer.double()(x.double(), w.double()).dtype == torch.float64


def test_a_layer_first_run_in_inference_mode_still_gives_gradients() -> None:
    layer = Layer(3, 2, 16, 4, up=True).requires_grad_(False)
    x, w = torch.randn(1, 3, 8, 8), torch.randn(1, 4)
    with torch.inference_mode():
        layer(x, w)
    x.requires_grad_()
    assert torch.autograd.grad(layer(x, w).square().sum(), x)[0].abs().sum() > 0


def test_gradients_reach_the_weight_of_a_folded_layer() -> None:
    layer = Layer(3, 2, 16, 4, up=True)
    layer(torch.randn(1, 3, 8, 8), torch.randn(1, 4)).square().sum().backward()
    assert layer.conv.weight.grad is not None
    assert layer.conv.weight.grad.abs().sum() > 0


def test_standardize_survives_a_nearly_constant_channel() -> None:
    signal = torch.randn(1, 1, 64, 64, dtype=torch.float64)
    centred, inverse_std = standardize((100 + 1e-2 * signal).float(), eps=1e-8)
    exact = (signal - signal.mean()) / signal.std(correction=0)
    assert (centred * inverse_std - exact).abs().max() < 0.01


def test_statistics_are_float32_under_half_precision() -> None:
    centred, inverse_std = standardize(torch.randn(1, 2, 8, 8).bfloat16() * 1e3, eps=1e-8)
    assert centred.dtype == inverse_std.dtype == torch.float32
    assert torch.isfinite(centred * inverse_std).all()
