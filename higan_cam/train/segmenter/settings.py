"""What training a segmenter is told, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from higan_cam.errors import ConfigError
from higan_cam.label.segmenters import label_map
from higan_cam.weights.u_net import SHRINK


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings:
    """Training a segmenter on renders of drawn faces, or on a folder of the user's own pictures and label maps.

    Raises:
        ConfigError: a side that does not divide into the network's levels, a value out of range, no such label map.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("pictures",)

    output: str
    """Folder of the checkpoint, weights and figures."""
    pictures: str = ""
    """Folder with `images` and `masks` of the same names, a mask's grey levels being classes; empty: renders."""
    sha256: str = ""
    """Over these pictures: others are another training run, wherever they lie."""
    label_map: str = "face_parts"
    """What the masks' classes are."""
    side: int = 128
    """Side of the pictures, px; those of other sizes are resized."""
    channels: tuple[int, ...] = (12, 24, 48, 72)
    """Features of each level of the network; each halves the side."""
    steps: int = 350
    """Optimiser steps."""
    batch: int = 12
    """Pictures per step, over all workers."""
    learning_rate: float = 8e-3
    """AdamW's, at the top of the cosine."""
    weight_decay: float = 1e-4
    """AdamW's."""
    dice: float = 1.0
    """Weight of the Dice loss beside the cross-entropy, so that small parts count as much as large ones."""
    balance: float = 0.75
    """A part counts 1 / (its share of the pixels)^balance in the cross-entropy. By 0, small parts are not learned for
    hundreds of steps."""
    recolour: float = 0.3
    """How far colours fade and mid-tones shift, at random, in [0,1]."""
    seed: int = 0
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    held_out: int = 256
    """Renders that are measured on, or at most so many of the pictures."""

    def __post_init__(self) -> None:
        """Check what would fail later."""
        multiple = max(32, SHRINK * 2 ** (len(self.channels) - 1))
        if self.side < multiple or self.side % multiple:
            raise ConfigError(
                f"side: must divide by {multiple} px, for {len(self.channels)} levels of the network; got {self.side}"
            )
        for name in ("steps", "batch", "checkpoint_every", "held_out"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        for name in ("recolour", "balance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: must be in [0,1], got {getattr(self, name)}")
        label_map(self.label_map)
