"""What a training run is told, frozen; and which of its workers this process is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class World:
    """This process among the workers of a data-parallel run."""

    rank: int = 0
    size: int = 1


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
class DistillSettings:
    """Distilling the room renderer into a StyleGAN2-shaped generator."""

    output: str
    """Folder of checkpoints, sample grids and the finished weights."""
    channels: tuple[int, ...] = (96, 128, 128, 96, 48, 16)
    """Feature channels from 4 px up; as many as the last stage has sizes."""
    stages: tuple[Stage, ...] = (
        Stage(resolution=16, steps=1000),
        Stage(resolution=32, steps=1800),
        Stage(resolution=64, steps=2600),
        Stage(resolution=128, steps=4500, learning_rate=1.5e-2),
    )
    seed: int = 0
    style_rate: float = 12.0
    """Learning rate of the style layers' weights, as a multiple of the others'."""
    fixture_weight: float = 3.0
    """Extra weight of lamp pixels in the loss."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    held_out: int = 128
    """Held-out scenes per evaluation."""


@dataclass(frozen=True, kw_only=True)
class ScorerSettings:
    """Training the lighting scorer on renders, or on a user's pictures."""

    output: str
    """Folder of checkpoints and the finished weights."""
    width: int = 16
    """Channels of the ResNet18's first stage."""
    resolution: int = 128
    """Side of the images, px."""
    recolour: float = 0.0
    """How far colours fade towards grey and mid-tones shift, at random, in [0,1]; see `fit_scorer.recolour`."""
    pictures: str | None = None
    """Folder or CSV of the user's pictures (see `train.pictures`); None: renders of rooms."""
    backbone: str | None = None
    """File of a Places365 ResNet18 (64 channels) that the network starts from; None: random weights."""
    frozen: bool = False
    """Whether only the head is trained."""
    steps: int = 1500
    batch: int = 32
    learning_rate: float = 2e-3
    seed: int = 1
    checkpoint_every: int = 200
    held_out: int = 2000
    """Held-out renders that are scored at the end."""


@dataclass(frozen=True)
class Progress:
    """One line of progress: which stage, how far, and the numbers worth plotting."""

    stage: str
    step: int
    of: int
    metrics: dict[str, float] = field(default_factory=dict)
