"""Latents of a world for training, initial statistics and evaluation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.latents import sample_latents
from higan_cam.rooms.scene import Z_DIM as ROOMS_DIM
from higan_cam.train.optimise import share_of
from higan_cam.train.settings import World
from higan_cam.types import FloatArray

SETUP_SEED, HELD_OUT_SEED = 2**62, 2**62 + 1
"""Latents of initial statistics and of evaluation: seeds that no training step uses, since training seeds are small."""


def training_latents(seed: int, step: int, batch: int, world: World, z_dim: int = ROOMS_DIM) -> FloatArray:
    """(batch / workers, z_dim) latents of this worker at this step; the same whatever came before a restart."""
    share = share_of(batch, world)
    first = step * batch + world.rank * share
    return sample_latents(range(first, first + share), seed, z_dim)


def setup_latents(count: int, z_dim: int = ROOMS_DIM) -> FloatArray:
    """(count,z_dim) latents for statistics that training starts from; never evaluated on."""
    return sample_latents(range(count), SETUP_SEED, z_dim)


def held_out_latents(count: int, z_dim: int = ROOMS_DIM) -> FloatArray:
    """(count,z_dim) latents that training has not seen in any form."""
    return sample_latents(range(count), HELD_OUT_SEED, z_dim)


def as_tensor(array: FloatArray) -> Tensor:
    """float32 tensor over a float array."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
