"""rosinality's StyleGAN2 files (`stylegan2-pytorch`), turned into HiGAN's keys, shapes and values.

The network is the same function with its tensors kept differently:

- convolutions are (1,out,in,kh,kw) against (kh,kw,in,out), and those that double the size are mirrored, because
  the transposed convolution is applied to the weight as stored;
- the style's bias contains the 1 that HiGAN adds when it runs;
- `activate.bias`, `noise.weight` and the RGB bias have other shapes.

Learning-rate factors are never baked in, in either. Files lack two things at times: `latent_avg` (training
checkpoints), which is then measured after loading, and the noise images (files from before they were kept), which are
drawn here from a fixed stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate.layouts.checks import check_keys, count

NAME = "rosinality StyleGAN2"
MEAN_CODE = "truncation.w_avg"
_NOISE_SEED = 0


def from_rosinality(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """rosinality's state dict -> HiGAN's; `truncation.w_avg` is absent where the file has no `latent_avg`.

    WeightsError: keys missing or unknown (by the file's own names), or a weight of another number of axes.
    """
    names = _names(count(state, r"to_rgbs\.(\d+)\..+"), max(count(state, r"style\.(\d+)\..+") - 1, 0))
    optional = {key for key in names if key == "latent_avg" or key.startswith("noises.")}
    if any(key.startswith("noises.") for key in state):
        optional = {"latent_avg"}
    check_keys(set(state) | optional, names, source, NAME)
    converted = {names[key]: _value(key, value, source) for key, value in state.items()}
    for layer in range(len([key for key in names if key.startswith("noises.")])):
        converted.setdefault(f"synthesis.layer{layer}.noise", _drawn_noise(layer))
    return converted


def to_rosinality(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """HiGAN's state dict of a StyleGAN2 -> rosinality's `g_ema`, the mean code among it.

    WeightsError: a learned noise map for each channel, of which that layout has one a layer.
    """
    channels = state["synthesis.layer0.noise"].shape[1]
    if channels > 1:
        raise WeightsError(
            f"{source}: has learned noise maps, {channels} in its first layer; the {NAME} layout has one a layer"
        )
    names = _names(count(state, r"synthesis\.output(\d+)\..+") - 1, count(state, r"mapping\.dense(\d+)\..+"))
    return {theirs: _as_theirs(theirs, state[ours]).contiguous() for theirs, ours in names.items()}


def _as_theirs(key: str, value: Tensor) -> Tensor:
    """What `_value` undoes."""
    if key.endswith(".conv.weight"):
        weight = value.flip(0, 1) if _doubles(key) else value
        return weight.permute(3, 2, 0, 1)[None]
    if key.endswith(".modulation.bias"):
        return value + 1
    if key.endswith(".noise.weight"):
        return value.reshape(1)
    if key.endswith(".kernel"):
        return value[0, 0]
    return value.reshape(1, -1, 1, 1) if re.fullmatch(r"to_rgb(1|s\.\d+)\.bias", key) else value


def _names(doublings: int, dense: int) -> dict[str, str]:
    """{rosinality's key: HiGAN's} of the network with so many doublings of 4 px and so many mapping layers."""
    names = {"input.input": "synthesis.early_layer.const", "latent_avg": MEAN_CODE}
    for layer in range(dense):  # style.0 is the normalisation of z
        names[f"style.{layer + 1}.weight"] = f"mapping.dense{layer}.fc.weight"
        names[f"style.{layer + 1}.bias"] = f"mapping.dense{layer}.bias"
    for layer in range(2 * doublings + 1):
        theirs, ours = "conv1" if layer == 0 else f"convs.{layer - 1}", f"synthesis.layer{layer}"
        names |= _modulated(theirs, ours)
        names[f"{theirs}.activate.bias"] = f"{ours}.bias"
        names[f"{theirs}.noise.weight"] = f"{ours}.noise_strength"
        names[f"noises.noise_{layer}"] = f"{ours}.noise"
        if layer % 2 == 1:
            names[f"{theirs}.conv.blur.kernel"] = f"{ours}.filter.kernel"
    for block in range(doublings + 1):
        theirs, ours = "to_rgb1" if block == 0 else f"to_rgbs.{block - 1}", f"synthesis.output{block}"
        names |= _modulated(theirs, ours)
        names[f"{theirs}.bias"] = f"{ours}.bias"
        if block > 0:  # one filter each, always the same one
            names[f"{theirs}.upsample.kernel"] = "synthesis.upsample.kernel"
    return names


def _modulated(theirs: str, ours: str) -> dict[str, str]:
    return {
        f"{theirs}.conv.weight": f"{ours}.weight",
        f"{theirs}.conv.modulation.weight": f"{ours}.style.fc.weight",
        f"{theirs}.conv.modulation.bias": f"{ours}.style.bias",
    }


def _value(key: str, value: Tensor, source: str) -> Tensor:
    """A tensor as HiGAN keeps it."""
    for ending, axes, convert in _CONVERSIONS:
        if key.endswith(ending):
            if value.ndim != axes:
                raise WeightsError(
                    f"{source}: {key} is {tuple(value.shape)}, expected {axes} axes in the {NAME} layout"
                )
            return convert(key, value)
    flat = key == "latent_avg" or (key.startswith("to_rgb") and value.shape[1:] == (3, 1, 1))
    return value.reshape(-1) if flat else value


def _convolution(key: str, value: Tensor) -> Tensor:
    """(1,out,in,kh,kw) -> (kh,kw,in,out), mirrored where it doubles the size: every other one from `convs.0`."""
    weight = value[0].permute(2, 3, 1, 0)
    return weight.flip(0, 1) if _doubles(key) else weight


def _doubles(key: str) -> bool:
    return key.startswith("convs.") and int(key.split(".")[1]) % 2 == 0


def _drawn_noise(layer: int) -> Tensor:
    """(1,1,s,s) standard normal noise for a layer whose file has none, the same every time."""
    side = 4 * 2 ** ((layer + 1) // 2)
    key = np.array([_NOISE_SEED, layer], dtype=np.uint64)
    draws = np.random.Generator(np.random.Philox(key=key)).standard_normal((1, 1, side, side))
    return torch.from_numpy(draws.astype(np.float32))


_CONVERSIONS: tuple[tuple[str, int, Callable[[str, Tensor], Tensor]], ...] = (
    (".conv.weight", 5, _convolution),
    (".modulation.bias", 1, lambda _key, value: value - 1),
    (".noise.weight", 1, lambda _key, value: value.squeeze(0)),
    (".activate.bias", 1, lambda _key, value: value),
    (".upsample.kernel", 2, lambda _key, value: value[None, None]),
    (".blur.kernel", 2, lambda _key, value: value[None, None]),
)
"""Ending of rosinality's key, number of its axes, conversion."""
