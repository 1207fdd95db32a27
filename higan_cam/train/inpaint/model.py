"""The network that draws light: a small UNet of the diffusers library over light, unlit picture and mask.

What is diffused is the light that comes on, lit - unlit, not the picture: the network need not draw the room again, and
an answer of zero leaves the picture as it was.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.train.inpaint.flow import keyed_noise, sample
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.weights.files import load_tensors

LIGHT_SCALE = 3.0
"""Light is multiplied by this before noise of deviation 1 is mixed with it; its own deviation on the rooms is 0.33."""
_GROUPS = 8
_TIME_SCALE = 1000.0
"""diffusers' time embedding is made for steps 0..1000."""


class Inpainter(nn.Module):
    """Noisy light, time, unlit picture and mask -> estimate of the light; all of side `size` px.

    Args:
        size: side of the pictures, px.
        patch: side of the squares of pixels that become channels.
        channels: of each level of the UNet.
        sampling_steps: steps from noise to light that `relight` takes.

    Raises:
        ConfigError: the diffusers library is not installed.
    """

    def __init__(self, size: int, patch: int, channels: tuple[int, ...], sampling_steps: int) -> None:
        super().__init__()
        self.settings = {"size": size, "patch": patch, "channels": list(channels), "sampling_steps": sampling_steps}
        self.size, self.patch, self.sampling_steps = size, patch, sampling_steps
        self.unet = _unet(size // patch, (3 + 3 + 1) * patch**2, 3 * patch**2, channels)

    def forward(self, light: Tensor, t: Tensor, unlit: Tensor, mask: Tensor) -> Tensor:
        """Noisy light (N,3,S,S), t (N,) in [0,1], unlit (N,3,S,S) in [-1,1], mask (N,1,S,S) in [0,1] -> (N,3,S,S)."""
        seen = F.pixel_unshuffle(torch.cat([light, unlit, mask], dim=1), self.patch)
        estimate: Tensor = self.unet(seen, t * _TIME_SCALE, return_dict=False)[0]
        return F.pixel_shuffle(estimate, self.patch)

    @torch.no_grad()
    def relight(self, unlit: Tensor, mask: Tensor, index: Tensor, seed: int = 0) -> Tensor:
        """Unlit (N,3,S,S) in [-1,1] and mask (N,1,S,S) in [0,1] -> the picture with light there, clamped to [-1,1].

        The noise of row i depends on (seed, index[i]) alone.
        """
        noise = keyed_noise(seed, index, tuple(unlit.shape[1:]))
        light = sample(lambda noisy, t: self(noisy, t, unlit, mask), noise, self.sampling_steps)
        return (unlit + light / LIGHT_SCALE).clamp(-1, 1)


def build_inpainter(settings: InpaintSettings) -> Inpainter:
    """The network at its seeded random start."""
    torch.manual_seed(settings.seed)
    return Inpainter(settings.size, settings.patch, settings.channels, settings.sampling_steps)


def load_inpainter(path: Path) -> Inpainter:
    """A trained network from the file that `jobs.train_inpainter` leaves, in eval mode.

    Raises:
        WeightsError: there is no such file, or it is not one of these.
    """
    tensors, metadata = load_tensors(path)
    try:
        settings = json.loads(metadata["settings"])
        network = Inpainter(
            settings["size"], settings["patch"], tuple(settings["channels"]), settings["sampling_steps"]
        )
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: not an inpainter ({error}); expected a file of jobs/train_inpainter.py") from error
    return network.eval().requires_grad_(False)


def _unet(side: int, inputs: int, outputs: int, channels: tuple[int, ...]) -> nn.Module:
    try:
        from diffusers import UNet2DModel
    except ImportError as error:
        raise ConfigError(
            "the inpainter's network needs the diffusers library: pip install 'higan-cam[inpaint]'"
        ) from error
    levels: dict[str, Any] = {
        "block_out_channels": channels,
        "down_block_types": ("DownBlock2D",) * len(channels),
        "up_block_types": ("UpBlock2D",) * len(channels),
    }
    network: nn.Module = UNet2DModel(
        sample_size=side,
        in_channels=inputs,
        out_channels=outputs,
        layers_per_block=1,
        norm_num_groups=_GROUPS,
        add_attention=False,
        **levels,
    )
    return network
