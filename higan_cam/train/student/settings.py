"""What training a student is told, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from higan_cam.errors import ConfigError
from higan_cam.mask.student.network import CHANNELS, SHRINK


@dataclass(frozen=True, kw_only=True)
class StudentSettings:
    """Training a student on the datasets of runs, on a folder of the user's own pictures and masks, or on both.

    Raises:
        ConfigError: nothing to learn from, a side that does not divide into the network's levels, a value out of range.
    """

    output: str
    """Folder of the checkpoint, weights and figures."""
    datasets: tuple[str, ...] = ()
    """Output folders or URIs of the runs to learn from."""
    labelled: str = ""
    """Folder with `images` and `masks` of the same names; empty: none."""
    lessons: str = ""
    """sha256 over all shards and labelled pictures: others are another training run, wherever they lie."""
    attribute: str = "attribute"
    """What the masks are of."""
    side: int = 128
    """Side of the pictures, px; those of other sizes are resized."""
    channels: tuple[int, ...] = CHANNELS
    """Features of each level of the network; each halves the side."""
    steps: int = 450
    """Optimiser steps."""
    batch: int = 32
    """Pictures per step, over all workers."""
    learning_rate: float = 3e-3
    """AdamW's, at the top of the cosine."""
    weight_decay: float = 1e-3
    """AdamW's."""
    negative: float = 0.35
    """Share of a run's examples that show the negative end, with the same target: for photos where all is off."""
    positive: float = 0.15
    """Share that shows the positive end; the rest shows the original."""
    labelled_share: float = 0.25
    """Share of the examples from the labelled folder, where there are runs as well."""
    spoilt: float = 0.6
    """Share of the examples with a camera's faults: exposure, balance, vignette, noise, JPEG; all are moved."""
    recolour: float = 0.3
    """Share of the examples in other colours: hue and saturation changed, luminance kept."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the network's products while it learns; weights, sums and the loss stay float32."""
    seed: int = 0
    checkpoint_every: int = 50
    """Steps between checkpoints."""
    held_out: int = 512
    """Most samples of the test splits that are evaluated."""

    def __post_init__(self) -> None:
        """Check what would fail later."""
        multiple = SHRINK * 2 ** (len(self.channels) - 1)
        if not self.datasets and not self.labelled:
            raise ConfigError("datasets and labelled: nothing to learn from; name a run, or a labelled folder")
        if self.side < multiple or self.side % multiple:
            raise ConfigError(
                f"side: must divide by {multiple} px, for {len(self.channels)} levels of the network; got {self.side}"
            )
        for name in ("steps", "batch", "checkpoint_every", "held_out"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        for name in ("negative", "positive", "labelled_share", "spoilt", "recolour"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: a share of the examples, in [0,1], got {getattr(self, name)}")
        if self.negative + self.positive > 1:
            raise ConfigError(f"negative and positive: together at most 1, got {self.negative} and {self.positive}")
