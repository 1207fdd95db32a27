"""What a condition does, for eyes: the same codes, asked for less and more of each property."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from higan_cam.generate import sample_latents, to_uint8
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.steering.conditions import CLIP, Condition
from higan_cam.train.gan.steering.properties import names_of
from higan_cam.types import ByteArray

CODES = 4
LEVELS = (-CLIP, -CLIP / 2, 0.0, CLIP / 2, CLIP)
"""In spreads of the training pictures, from left to right."""


@torch.no_grad()
def asked_for(settings: GanSettings, network: nn.Module, condition: Condition) -> dict[str, ByteArray]:
    """{property: (CODES len(LEVELS),S,S,3) samples, code by code}, of codes that training never draws."""
    generator: Any = network
    device = next(network.parameters()).device
    z = sample_latents(range(CODES), settings.seed + 1, settings.z_dim, normalize=False)
    w: Tensor = generator.map(torch.from_numpy(z).to(device)).repeat_interleave(len(LEVELS), dim=0)
    found = dict[str, ByteArray]()
    for place, name in enumerate(names_of(settings.properties)):
        asked = torch.zeros(len(w), len(settings.properties), device=device)
        asked[:, place] = torch.tensor(LEVELS, device=device).repeat(CODES)
        found[name] = to_uint8(generator.synthesize(generator.truncate(condition(w, asked)))[0])
    return found
