"""An upscaler as others use it: from a file; a picture in, the same two or four times as large out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from higan_cam.errors import HiganCamError, WeightsError
from higan_cam.generate.images import from_uint8, to_uint8
from higan_cam.pictures.tiles import by_tiles
from higan_cam.redraw.network import KERNELS, UpscalerNetwork
from higan_cam.redraw.published import published_upscaler
from higan_cam.types import ByteArray
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.paths import check_there, expanded

TILE = 256
"""Side of a tile without what is around it, px of the small picture."""
_NOTE = "upscaler"


class Enlarging(Protocol):
    """A network that enlarges."""

    def __call__(self, small: Tensor) -> Tensor:
        """(N,3,h,w) in [-1,1] -> (N,3,scale h,scale w), nominally in [-1,1]."""
        ...

    def to(self, device: str) -> Enlarging:
        """The same on a device."""
        ...


@dataclass(frozen=True, eq=False)
class Upscaler:
    """A network that has learned what enlarged pictures lack.

    Attributes:
        network: in eval mode.
        scale: how much larger.
        reach: how far away a pixel of the small picture has a say, px; of published networks with attention, how much
            of it is shown around a tile.
        kernel: how the pictures that it learned from were shrunk; "" where nobody said.
        device: where the network is.
    """

    network: Enlarging
    scale: int
    reach: int
    kernel: str = ""
    device: str = "cpu"

    def on(self, device: str) -> Upscaler:
        """The same on a device."""
        return replace(self, network=self.network.to(device), device=device)


def load_upscaler(source: str | Path) -> Upscaler:
    """The upscaler in a file that `higan-cam train upscaler` left, or a published one that spandrel knows.

    Raises:
        WeightsError: there is no such file, it holds no upscaler, or it needs spandrel, which is not installed.
    """
    path = expanded(source)
    check_there(path)
    tensors, metadata = load_tensors(path)
    if _NOTE not in metadata:
        return Upscaler(*published_upscaler(path, tensors))
    try:
        return _built(tensors, json.loads(metadata[_NOTE]))
    except (KeyError, TypeError, ValueError, RuntimeError, HiganCamError) as error:
        raise WeightsError(
            f"{path}: not an upscaler ({error}); expected a file of `higan-cam train upscaler`"
        ) from error


def save_upscaler(path: Path, network: UpscalerNetwork, kernel: str) -> None:
    """Write a trained network, whole or not at all, as `load_upscaler` reads it: 16-bit floats."""
    made = {"scale": network.scale, "features": network.features, "blocks": network.blocks, "kernel": kernel}
    tensors = {key: value.half() for key, value in network.state_dict().items()}
    save_tensors(path, tensors, {_NOTE: json.dumps(made, sort_keys=True)})


@torch.inference_mode()
def upscale(upscaler: Upscaler, picture: ByteArray, *, tile: int = TILE) -> ByteArray:
    """(H,W,3) uint8 RGB of any size -> (scale H,scale W,3).

    Pictures larger than a tile are looked at tile by tile, with all that has a say around each: the result is that of
    the whole picture, but for rounding that differs by a level. (Networks of others may see further than `reach`.)
    """

    def look(part: Tensor) -> Tensor:
        """As levels, a quarter of the memory."""
        return torch.from_numpy(to_uint8(upscaler.network(part.to(upscaler.device)))).permute(0, 3, 1, 2)

    found = by_tiles(look, from_uint8(picture[None]), tile, upscaler.reach, upscaler.scale)[0]
    levels: ByteArray = found.permute(1, 2, 0).contiguous().numpy()
    return levels


def _built(tensors: Mapping[str, Tensor], settings: Mapping[str, object]) -> Upscaler:
    scale, features, blocks, kernel = (settings[name] for name in ("scale", "features", "blocks", "kernel"))
    if not (isinstance(scale, int) and isinstance(features, int) and isinstance(blocks, int)) or kernel not in KERNELS:
        raise ValueError(f"settings {settings}")
    for name, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} is not finite: training has diverged")
    network = UpscalerNetwork(scale, features, blocks)
    network.load_state_dict(dict(tensors))
    return as_upscaler(network, str(kernel))


def as_upscaler(network: UpscalerNetwork, kernel: str) -> Upscaler:
    """A network of ours as an upscaler, frozen, in eval mode."""
    frozen: nn.Module = network.eval().requires_grad_(False)
    return Upscaler(frozen, network.scale, network.reach, kernel=kernel)
