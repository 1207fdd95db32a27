"""The embedded generator's mapping network, solved in closed form.

The factors of a room are clipped linear functions of z (rooms.scene), and a leaky-ReLU network represents a clip
exactly: with L the leaky ReLU of slope a,  L(t) - L(t - r) = a r + (1 - a) clip(t, 0, r).  So z -> w needs no training:

    dense0   two units a factor: L(t), L(t - r), with t = slope (row . z) + shift - low, r = high - low
    dense1   one unit a factor, its value v - low >= 0 where L is the identity; one unit a product p q of two binary
             factors: L(p + q - 1)
    dense2   w: each factor, and each product (L(m) - a m) / (1 - a) with m = p + q - 1, times its scale

How far apart two values of a factor lie in w is a choice, and decides what an edit of unit length does: along a linear
boundary a factor moves in proportion to gradient / scale^2. Structure (layout, presence) is spread wide and hardly
moves; the lamps' drive lies close and moves far. That is what makes an edit switch lamps and keep the room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from higan_cam.generate.stylegan2 import Dense, StyleGAN2
from higan_cam.types import FloatArray

SLOPE = 0.2
GAIN = 2**0.5
MARGIN = 0.05
"""Keeps units that must stay on the identity side of the leaky ReLU away from zero (float16 storage)."""


@dataclass(frozen=True)
class ClippedFactor:
    """v = clip(slope (row . z) + shift, low, high), spread over `scale` x (high - low) in w."""

    row: FloatArray
    slope: float
    shift: float
    low: float
    high: float
    scale: float


@dataclass(frozen=True)
class Product:
    """The product of two binary factors, as its own direction of w."""

    left: int
    right: int
    scale: float


@dataclass(frozen=True)
class Affine:
    """y = weight x + bias, float64; weight (out, in)."""

    weight: FloatArray
    bias: FloatArray


def solve_mapping(factors: list[ClippedFactor], products: list[Product], hidden: int, w_dim: int) -> list[Affine]:
    """The three layers described above, each to be followed by gain x leaky ReLU. Unused rows are zero.

    Raises:
        ValueError: where `hidden` or `w_dim` is too small.
    """
    count, total = len(factors), len(factors) + len(products)
    if hidden < max(2 * count, total) or w_dim < total:
        raise ValueError(f"needs hidden >= {max(2 * count, total)} and w_dim >= {total}, got {hidden} and {w_dim}")
    return [
        _clip_layer(factors, hidden),
        _value_layer(factors, products, hidden),
        _scale_layer(factors, products, hidden, w_dim),
    ]


def install_mapping(generator: StyleGAN2, layers: list[Affine]) -> None:
    """Write the solved layers into the generator's mapping, undoing its equalised learning rate, and freeze it."""
    with torch.no_grad():
        for number, affine in enumerate(layers):
            dense = generator.mapping.get_submodule(f"dense{number}")
            if not isinstance(dense, Dense):
                raise TypeError(f"mapping.dense{number} is a {type(dense).__name__}, expected Dense")
            dense.fc.weight.copy_(torch.from_numpy(affine.weight / dense.weight_scale))
            dense.bias.copy_(torch.from_numpy(affine.bias / dense.lr))
    generator.mapping.requires_grad_(False)


def _clip_layer(factors: list[ClippedFactor], hidden: int) -> Affine:
    weight, bias = np.zeros((hidden, factors[0].row.size)), np.zeros(hidden)
    for i, factor in enumerate(factors):
        weight[2 * i] = weight[2 * i + 1] = factor.slope * factor.row
        bias[2 * i] = factor.shift - factor.low
        bias[2 * i + 1] = factor.shift - factor.high
    return Affine(weight, bias)


def _value_layer(factors: list[ClippedFactor], products: list[Product], hidden: int) -> Affine:
    values, value_bias = np.zeros((len(factors), hidden)), np.zeros(len(factors))
    for i, factor in enumerate(factors):
        values[i, 2 * i], values[i, 2 * i + 1] = 1 / (GAIN * (1 - SLOPE)), -1 / (GAIN * (1 - SLOPE))
        value_bias[i] = -SLOPE * (factor.high - factor.low) / (1 - SLOPE)
    weight, bias = np.zeros((hidden, hidden)), np.zeros(hidden)
    weight[: len(factors)], bias[: len(factors)] = values, value_bias + MARGIN
    for j, product in enumerate(products, start=len(factors)):
        weight[j] = values[product.left] + values[product.right]
        bias[j] = value_bias[product.left] + value_bias[product.right] - 1
    return Affine(weight, bias)


def _scale_layer(factors: list[ClippedFactor], products: list[Product], hidden: int, w_dim: int) -> Affine:
    weight, bias = np.zeros((w_dim, hidden)), np.zeros(w_dim)
    for i, factor in enumerate(factors):
        weight[i, i] = factor.scale / GAIN
        bias[i] = -factor.scale * MARGIN
    for j, product in enumerate(products, start=len(factors)):
        unit = product.scale / (1 - SLOPE)
        weight[j, j] = unit / GAIN
        for binary in (product.left, product.right):
            weight[j, binary] -= unit * SLOPE / GAIN
        bias[j] = unit * SLOPE * (1 + 2 * MARGIN)
    used = len(factors) + len(products)
    bias[:used] += MARGIN
    return Affine(weight / GAIN, bias / GAIN)
