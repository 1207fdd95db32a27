"""What training the towers is told, frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from higan_cam.errors import ConfigError
from higan_cam.label.texts.towers import check_sizes


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Training two towers on rooms and sentences about them.

    Raises:
        ConfigError: a value out of range, or a side that the renderer does not draw.
    """

    output: str
    """Folder of the checkpoint, weights and figures."""
    side: int = 32
    """At which the towers look at pictures, px."""
    widths: tuple[int, ...] = (32, 64, 96)
    """Features of the convolutions."""
    text_width: int = 64
    """Features of a word."""
    size: int = 96
    """Dimensions of the embedding."""
    samples: int = 1024
    """Rooms that the embedded generator draws, beside fresh renders: the domain of edits."""
    sampled_share: float = 0.25
    """Of each batch."""
    steps: int = 700
    batch: int = 64
    """Pictures per step, over all workers; each brings a sentence and one that contradicts it."""
    long_share: float = 0.125
    """Of the sentences say four facts or more, up to all; the others one to three."""
    forgotten: float = 0.03
    """Share of the words that are replaced by an unknown one."""
    spelled: float = 1.0
    """Weight of the cross-entropy by which one linear map, which does not ship, reads every fact off embeddings of
    pictures and sentences alike. By comparisons alone the towers had hardly learned anything after 200 steps."""
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    seed: int = 0
    checkpoint_every: int = 100
    held_out: int = 1000
    """Rooms that are measured on, a multiple of 100."""

    def __post_init__(self) -> None:
        """Check what would fail later."""
        if self.side < 32 or self.side % 32:
            raise ConfigError(f"side: must be a multiple of 32 px, got {self.side}")
        check_sizes(self.side, self.widths, self.text_width, self.size)
        for name in ("steps", "batch", "checkpoint_every", "samples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate: must be > 0, got {self.learning_rate}")
        for name in ("seed", "spelled", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name}: must be >= 0, got {getattr(self, name)}")
        for name in ("sampled_share", "long_share", "forgotten"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: must be in [0,1], got {getattr(self, name)}")
        if self.held_out < 100 or self.held_out % 100:
            raise ConfigError(f"held_out: must be a multiple of 100 rooms, got {self.held_out}")
