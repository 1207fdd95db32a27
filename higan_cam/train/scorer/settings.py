"""What training the lighting scorer is told, frozen."""

from __future__ import annotations

from dataclasses import dataclass


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
    """How far colours fade towards grey and mid-tones shift, at random, in [0,1]; see `fit.recolour`."""
    pictures: str | None = None
    """Folder or CSV of the user's pictures (see `scorer.pictures`); None: renders of rooms."""
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
