"""What distilling the embedded generator is told, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from higan_cam.errors import ConfigError, unknown_name


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One resolution of progressive training."""

    resolution: int
    """Side of the images, px."""
    steps: int
    """Optimiser steps."""
    batch: int = 16
    """Images per step, over all workers."""
    learning_rate: float = 2.5e-2
    """Adam's, at the top of the cosine."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is usual for a world."""

    channels: tuple[int, ...]
    """Feature channels from 4 px up; as many as the last stage has sizes."""
    stages: tuple[Stage, ...]


RECIPES: Mapping[str, Recipe] = {
    "rooms": Recipe(
        channels=(96, 128, 128, 96, 48, 16),
        stages=(
            Stage(resolution=16, steps=1000),
            Stage(resolution=32, steps=1800),
            Stage(resolution=64, steps=2600),
            Stage(resolution=128, steps=4500, learning_rate=1.5e-2),
        ),
    ),
    "faces": Recipe(
        channels=(64, 96, 96, 64, 24),
        stages=(Stage(resolution=16, steps=500), Stage(resolution=32, steps=600), Stage(resolution=64, steps=1000)),
    ),
}
"""By the name of the world."""


@dataclass(frozen=True, kw_only=True)
class DistillSettings:
    """Distilling the renderer of a toy world into a StyleGAN2-shaped generator.

    Raises:
        ConfigError: no such world, or fewer channels than the last stage has sizes.
    """

    output: str
    """Folder of checkpoints, sample grids and the finished weights."""
    world: str = "rooms"
    """Whose pictures, one of `RECIPES`."""
    channels: tuple[int, ...] = ()
    """Feature channels from 4 px up; as many as the last stage has sizes. The world's own if empty."""
    stages: tuple[Stage, ...] = ()
    """One resolution after the other; the world's own if empty."""
    seed: int = 0
    style_rate: float = 12.0
    """Learning rate of the style layers' weights, as a multiple of the others'."""
    detail_weight: float = 3.0
    """Extra weight in the loss of the pixels that matter most: lamps, eyes and mouths."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    held_out: int = 128
    """Held-out scenes per evaluation."""

    def __post_init__(self) -> None:
        """Fill in what is usual for the world; check what would fail in a worker."""
        if self.world not in RECIPES:
            raise unknown_name("world", self.world, RECIPES)
        for name, usual in vars(RECIPES[self.world]).items():
            if not getattr(self, name):
                object.__setattr__(self, name, usual)
        resolution = self.stages[-1].resolution
        sizes = resolution.bit_length() - 2
        if len(self.channels) < sizes:
            raise ConfigError(
                f"channels: one number for each of the {sizes} sizes from 4 to {resolution} px, got {self.channels}"
            )
