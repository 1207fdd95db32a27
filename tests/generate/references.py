"""Slow forward passes written from the papers and the files' own conventions, to hold the fast ones against.

Every convolution is a sum over shifts or a scatter, one kernel entry at a time; nothing is shared with the package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]


def correlated(x: Tensor, weight: Tensor) -> Tensor:
    """(N,in,h,w), (out,in,k,k) with odd k -> (N,out,h,w): "same" cross-correlation, entry by entry."""
    size, (height, width) = weight.shape[-1], x.shape[-2:]
    padded = F.pad(x, (size // 2,) * 4)
    out = x.new_zeros(x.shape[0], weight.shape[0], height, width)
    for dy in range(size):
        for dx in range(size):
            shifted = padded[:, :, dy : dy + height, dx : dx + width]
            out += torch.einsum("nihw,oi->nohw", shifted, weight[:, :, dy, dx])
    return out


def scattered(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """(N,in,h,w), (in,out,k,k) -> (N,out,stride (h-1) + k, …): every pixel puts down its own copy of the kernel."""
    size, (height, width) = weight.shape[-1], x.shape[-2:]
    rows, columns = stride * (height - 1), stride * (width - 1)
    out = x.new_zeros(x.shape[0], weight.shape[1], rows + size, columns + size)
    for dy in range(size):
        for dx in range(size):
            part = torch.einsum("nihw,io->nohw", x, weight[:, :, dy, dx])
            out[:, :, dy : dy + rows + 1 : stride, dx : dx + columns + 1 : stride] += part
    return out


def pixel_normalised(x: Tensor) -> Tensor:
    """a / sqrt(mean over channels of a^2 + 1e-8) (Karras 2018, section 4.2)."""
    return x / torch.sqrt((x * x).mean(dim=1, keepdim=True) + 1e-8)


def pggan_image(state: State, z: Tensor) -> Tensor:
    """Karras 2018, table 2, from HiGAN's keys: (N,z_dim) -> (N,3,H,W)."""

    def he(name: str) -> Tensor:
        weight = state[f"{name}.conv.weight"]
        return weight * math.sqrt(2 / weight[0].numel())

    def finish(x: Tensor, name: str) -> Tensor:
        x = x + state[f"{name}.wscale.bias"][:, None, None]
        return pixel_normalised(torch.where(x > 0, x, 0.2 * x))

    blocks = sum(key.startswith("output") and key.endswith("conv.weight") for key in state)
    x = torch.einsum("ni,oihw->nohw", pixel_normalised(z), he("layer0").flip(2, 3))  # the file's kernel is mirrored
    x = finish(x, "layer0")
    for layer in range(1, 2 * blocks):
        if layer % 2 == 0:
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = finish(correlated(x, he(f"layer{layer}")), f"layer{layer}")
    rgb = state[f"output{blocks - 1}.conv.weight"]
    scaled = rgb / math.sqrt(rgb.shape[1])  # linear: no gain of sqrt(2)
    return correlated(x, scaled) + state[f"output{blocks - 1}.wscale.bias"][:, None, None]


def dcgan_image(state: State, z: Tensor) -> Tensor:
    """Radford 2016 in the PyTorch example's keys, batch norm by its running statistics: (N,z_dim) -> (N,3,H,W)."""
    last = max(int(key.split(".")[1]) for key in state)
    x = z[:, :, None, None]
    for index in range(0, last, 3):
        x = scattered(x, state[f"main.{index}.weight"], stride=1 if index == 0 else 2)
        x = x if index == 0 else x[:, :, 1:-1, 1:-1]
        mean, variance, gain, shift = (
            state[f"main.{index + 1}.{name}"][:, None, None]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = ((x - mean) / torch.sqrt(variance + 1e-5) * gain + shift).clamp(min=0)
    return torch.tanh(scattered(x, state[f"main.{last}.weight"], stride=2)[:, :, 1:-1, 1:-1])


def rosinality_codes(state: State, z: Tensor) -> Tensor:
    """(N,D) -> (N,D) by `style.1`, `style.2`, …: learning-rate multiplier 0.01, leaky ReLU times sqrt(2)."""
    w = pixel_normalised(z)
    for layer in range(1, 1 + sum(key.startswith("style.") and key.endswith("weight") for key in state)):
        weight, bias = state[f"style.{layer}.weight"], state[f"style.{layer}.bias"]
        w = activated(w @ weight.T * (0.01 / math.sqrt(weight.shape[1])) + 0.01 * bias)
    return w


def rosinality_image(state: State, w: Tensor) -> Tensor:
    """(N,D) codes -> (N,3,H,W) by rosinality's keys, with the stored noise."""
    x = state["input.input"].repeat(len(w), 1, 1, 1)
    rgb, blocks = None, sum(key.startswith("to_rgbs.") and key.endswith(".bias") for key in state) // 2 + 1
    for layer in range(2 * blocks - 1):
        name = "conv1" if layer == 0 else f"convs.{layer - 1}"
        x = modulated(state, name, x, w, demodulate=True)
        if layer % 2 == 1:
            x = upfirdn(x, state[f"{name}.conv.blur.kernel"], up=1, pad=(1, 1))
        x = x + state[f"{name}.noise.weight"] * state[f"noises.noise_{layer}"]
        x = activated(x + state[f"{name}.activate.bias"][:, None, None])
        if layer % 2 == 0:
            name = "to_rgb1" if layer == 0 else f"to_rgbs.{layer // 2 - 1}"
            added = modulated(state, name, x, w, demodulate=False) + state[f"{name}.bias"]
            rgb = added if rgb is None else added + upfirdn(rgb, state[f"{name}.upsample.kernel"], up=2, pad=(2, 1))
    assert rgb is not None
    return rgb


def activated(x: Tensor) -> Tensor:
    """Leaky ReLU (0.2) times sqrt(2)."""
    return torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def modulated(state: State, name: str, x: Tensor, w: Tensor, *, demodulate: bool) -> Tensor:
    """One sample at a time with its own weight; convs.0, convs.2, … put it down at stride 2, to 2h + 1."""
    affine, stored = state[f"{name}.conv.modulation.weight"], state[f"{name}.conv.weight"][0]
    style = w @ affine.T / math.sqrt(affine.shape[1]) + state[f"{name}.conv.modulation.bias"]
    doubling = f"{name}.conv.blur.kernel" in state
    samples = []
    for n in range(len(w)):
        own = stored * style[n][None, :, None, None] / math.sqrt(stored[0].numel())
        if demodulate:
            own = own / torch.sqrt((own * own).sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
        one = x[n : n + 1]
        samples.append(scattered(one, own.transpose(0, 1), stride=2) if doubling else correlated(one, own))
    return torch.cat(samples)


def upfirdn(x: Tensor, kernel: Tensor, up: int, pad: tuple[int, int]) -> Tensor:
    """(N,C,h,w): zeros in between, padding before and after, then true convolution with a (4,4) kernel."""
    wide = x.new_zeros(*x.shape[:2], up * x.shape[2], up * x.shape[3])
    wide[:, :, ::up, ::up] = x
    padded = F.pad(wide, (*pad, *pad))
    height, width = padded.shape[2] - 3, padded.shape[3] - 3
    shifts = [(dy, dx) for dy in range(4) for dx in range(4)]
    parts = (kernel[3 - dy, 3 - dx] * padded[:, :, dy : dy + height, dx : dx + width] for dy, dx in shifts)
    return torch.stack(list(parts)).sum(dim=0)
