"""What training an inpainter is told, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from higan_cam.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class InpaintSettings:
    """Training the mask-conditioned diffusion model on the dataset of a run.

    Raises:
        ConfigError: where the side does not divide into the network's levels, or a count is out of range.
    """

    output: str
    """Folder of checkpoints, weights, figures and pictures."""
    dataset: str
    """Output folder or URI of the run to learn from."""
    shards: str = ""
    """sha256 over the dataset's shards: another dataset is another training run, wherever it lies."""
    size: int = 64
    """Side of the pictures, px; the dataset's are averaged down to it."""
    patch: int = 2
    """Squares of this many pixels go to the network as channels, which makes it `patch`^2 cheaper."""
    channels: tuple[int, ...] = (48, 64, 96)
    """Feature channels of each level of the UNet; each level halves the side."""
    steps: int = 3000
    """Optimiser steps."""
    batch: int = 16
    """Pictures per step, over all workers."""
    learning_rate: float = 1e-3
    """AdamW's, at the top of the cosine."""
    empty: float = 0.1
    """Share of examples with an empty mask, where nothing may change."""
    part: float = 0.5
    """Share of examples that light some of the regions, chosen at random; the rest light all."""
    sampling_steps: int = 10
    """Steps from noise to light."""
    seed: int = 0
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    held_out: int = 512
    """Most samples of the test split that are evaluated."""

    def __post_init__(self) -> None:
        """Check what the network would fail on later."""
        multiple = self.patch * 2 ** (len(self.channels) - 1)
        if not self.channels or any(width < 1 or width % 8 for width in self.channels):
            raise ConfigError(f"channels: expected positive multiples of 8, got {self.channels}")
        if self.size < multiple or self.size % multiple:
            raise ConfigError(
                f"size: {self.size} px does not divide by {multiple} (patch {self.patch}, {len(self.channels)} levels)"
            )
        for name in ("steps", "batch", "sampling_steps", "held_out", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        if not (self.empty >= 0 and self.part >= 0 and self.empty + self.part <= 1):
            raise ConfigError(f"empty and part: shares of the examples, got {self.empty} and {self.part}")
