"""The reader of rooms: which layout, style, objects and lit lamps a picture shows, learned from renders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.measure.generation.factors import READ, factors_of
from higan_cam.rooms import render, scene_of
from higan_cam.train.distill.latents import as_tensor, held_out_latents, training_latents
from higan_cam.train.reader import SIDE, Reader, fit
from higan_cam.train.settings import Report, World
from higan_cam.types import FloatArray

LEAST_RENDERED = 64
"""Side that rooms are rendered at, px; smaller pictures are means of its pixels."""


@dataclass(frozen=True, kw_only=True)
class RoomReaderSettings:
    """Training the reader of rooms."""

    output: str
    """Folder of its checkpoint."""
    rooms: int = 20_000
    """Rendered once, at the beginning; 12 kB of memory each."""
    noise: float = 0.03
    """Largest deviation of the noise in a picture, where white is 1 and black -1."""
    steps: int = 1200
    batch: int = 64
    learning_rate: float = 3e-3
    seed: int = 0
    checkpoint_every: int = 300


def fit_room_reader(settings: RoomReaderSettings, report: Report) -> Reader:
    """Train the reader, resuming from the checkpoint in `settings.output`; outputs as `READ`, soft targets.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings.
    """
    images, truth = rendered(training_latents(settings.seed, 0, settings.rooms, World()))

    def lessons(draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.from_numpy(draw.integers(0, len(images), settings.batch))
        strength = torch.from_numpy(draw.random((settings.batch, 1, 1, 1), np.float32)) * settings.noise
        noise = torch.from_numpy(draw.standard_normal((settings.batch, *images.shape[1:]), np.float32))
        wanted = truth[chosen]
        return images[chosen] + strength * noise, wanted, torch.ones_like(wanted)

    return fit("rooms reader", settings, lessons, (SIDE, len(READ)), report)


def rendered(latents: FloatArray) -> tuple[Tensor, Tensor]:
    """(N,3,32,32) renders in [-1,1] of (N,128) latents and (N,F) what they show, columns `READ`."""
    scene = scene_of(latents)
    parts = [scene.take(part) for part in np.array_split(np.arange(len(scene)), max(1, len(scene) // 500))]
    images = torch.cat([F.avg_pool2d(render(part, LEAST_RENDERED), LEAST_RENDERED // SIDE) for part in parts])
    return images, as_tensor(factors_of(scene))


def held_out_renders(count: int) -> tuple[Tensor, Tensor]:
    """As `rendered`, of rooms that no training sees."""
    return rendered(held_out_latents(count))
