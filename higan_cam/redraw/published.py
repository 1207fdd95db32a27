"""Upscalers of others: whatever single-picture network spandrel knows by its weights, such as ESRGAN or SwinIR.

The file is read here, without running anything in it; spandrel (an extra, MIT) sees tensors alone and says which
architecture they are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from higan_cam.errors import WeightsError

REACH = 32
"""Shown around a tile, px: how far such networks see is not known, and those with attention see further."""
_AVERAGES = ("params_ema.", "params.")
"""Which of several state dicts in a file is meant, the first that is there: BasicSR's names."""


@dataclass(frozen=True, eq=False)
class Published:
    """A network of spandrel's, which takes and gives [0,1], one picture at a time."""

    descriptor: Any

    def __call__(self, small: Tensor) -> Tensor:
        """(N,3,h,w) in [-1,1] -> (N,3,scale h,scale w) in [-1,1]."""
        found = [2 * self.descriptor((each[None] + 1).clamp(0, 2) / 2) - 1 for each in small]
        return torch.cat(found)

    def to(self, device: str) -> Published:
        """The same on a device."""
        return Published(self.descriptor.to(device))


def published_upscaler(path: Path, tensors: Mapping[str, Tensor]) -> tuple[Published, int, int]:
    """(network, its scale, what is shown around a tile) of the weights in a file.

    Raises:
        WeightsError: spandrel is not installed, does not know them, or they do not enlarge RGB pictures.
    """
    try:
        from spandrel import ImageModelDescriptor, ModelLoader
    except ImportError as error:
        raise WeightsError(
            f"{path}: not a file of `higan-cam train upscaler`; networks of others are read by spandrel, which is not "
            "installed: pip install 'higan-cam[upscale]'"
        ) from error
    try:
        found = ModelLoader("cpu").load_from_state_dict(_chosen(tensors))
    # It stumbles in any way over weights that look like an architecture and are not; all of them mean the same.
    except Exception as error:
        raise WeightsError(
            f"{path}: neither a file of `higan-cam train upscaler` nor an architecture that spandrel knows "
            f"({type(error).__name__})"
        ) from error
    if not isinstance(found, ImageModelDescriptor) or (found.input_channels, found.output_channels) != (3, 3):
        raise WeightsError(f"{path}: {found.architecture.name} does not make one RGB picture of another")
    if found.scale < 2:
        raise WeightsError(f"{path}: {found.architecture.name} restores pictures and does not enlarge them")
    found.model.eval().requires_grad_(False)
    return Published(found), int(found.scale), REACH


def _chosen(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _AVERAGES:
        found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if found:
            return found
    return dict(tensors)
