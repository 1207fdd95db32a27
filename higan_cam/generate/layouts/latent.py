"""PGGAN and DCGAN files: GenForce's PGGAN names turned into HiGAN's, and sizes read off the shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate.layouts.checks import count, need

_DCGAN_BLOCK = 3


def pggan_from_genforce(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """GenForce's names -> HiGAN's; values and axes are the same."""
    renamed = {}
    for key, value in state.items():
        match = re.fullmatch(r"((?:layer|output)\d+)\.(weight|bias)", key)
        part = {"weight": "conv.weight", "bias": "wscale.bias"}
        renamed[f"{match[1]}.{part[match[2]]}" if match else key] = value
    return renamed


def infer_pggan(state: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Constructor arguments of PGGAN from HiGAN's keys. WeightsError: a key that decides a size is missing."""
    outputs = [f"output{b}.conv.weight" for b in range(count(state, r"output(\d+)\..+"))]
    need(state, ["layer0.conv.weight", *(outputs or ["output0.conv.weight"])], source)
    return {
        "resolution": 4 * 2 ** (len(outputs) - 1),
        "z_dim": state["layer0.conv.weight"].shape[1],
        "channels": tuple(state[key].shape[1] for key in outputs),
    }


def dcgan_complete(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state with batch norm's counters, which old files lack and inference does not use."""
    means = [key for key in state if key.endswith(".running_mean")]
    counters = {key.replace("running_mean", "num_batches_tracked"): torch.zeros((), dtype=torch.int64) for key in means}
    return {**counters, **state}


def infer_dcgan(state: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Constructor arguments of DCGAN from its transposed convolutions, `main.0`, `main.3`, … .

    WeightsError: convolutions elsewhere (the discriminator's file has them at 0, 2, 5, …).
    """
    sides = {int(match[1]) for key, value in state.items() if value.ndim == 4 and (match := _MAIN.fullmatch(key))}
    expected = set(range(0, max(sides, default=0) + 1, _DCGAN_BLOCK))
    if sides != expected or len(sides) < 2:
        raise WeightsError(
            f"{source}: its convolutions are main.{sorted(sides)}, expected main.{sorted(expected | {0, 3})} as in "
            "the generator of PyTorch's DCGAN example; is it the discriminator's file?"
        )
    weights = [state[f"main.{index}.weight"] for index in sorted(sides)]
    return {
        "resolution": 4 * 2 ** (len(weights) - 1),
        "z_dim": weights[0].shape[0],
        "channels": tuple(weight.shape[1] for weight in weights[:-1]),
    }


_MAIN = re.compile(r"main\.(\d+)\.weight")
