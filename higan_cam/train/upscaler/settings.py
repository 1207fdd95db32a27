"""What training an upscaler is told, frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from higan_cam.errors import ConfigError
from higan_cam.redraw.network import KERNELS, SCALES

ROOMS = "rooms"
"""In place of pictures: rooms, rendered at the large side."""


@dataclass(frozen=True, kw_only=True)
class UpscalerSettings:
    """Training an upscaler on people's own pictures, or on rendered rooms.

    Raises:
        ConfigError: an unknown name, a side that does not divide by the scale, a value out of range.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("pictures", "networks")

    output: str
    """Folder of the checkpoint, weights and figures."""
    pictures: str = ROOMS
    """Folder, glob, archive or table of pictures; or `rooms`."""
    sha256: str = ""
    """Over the pictures that were read: others are another training run, wherever they lie."""
    scale: int = 2
    """2 or 4."""
    kernel: str = "area"
    """How pictures are shrunk, antialiased: `area` or `bicubic`."""
    side: int = 128
    """Of the pieces of pictures that are learned from, px, at the large size; of rooms the whole picture."""
    features: int = 32
    blocks: int = 6
    """Of the network: see `UpscalerNetwork`."""
    losses: tuple[tuple[str, float], ...] = (("absolute", 1.0),)
    """(name, weight): `absolute` (mean absolute error of [-1,1]), and losses of `higan_cam.losses`."""
    networks: tuple[tuple[str, str], ...] = ()
    """(name, file) of the networks that losses look through, as `invert.networks`."""
    digests: tuple[tuple[str, str], ...] = ()
    """(name, sha256) of these files."""
    adversarial: float = 0.0
    """Weight of a discriminator of patches; 0: none."""
    mirror: bool = True
    """Every other piece is shown as its mirror image."""
    images: int = 8000
    """Pieces shown in all."""
    batch: int = 8
    """Pieces per step, over all workers."""
    learning_rate: float = 1e-3
    """Adam's, at the top of the cosine."""
    seed: int = 0
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    apart: float = 0.1
    """Share of the pictures, evenly spread over their names, that is never trained on."""
    held_out: int = 100
    """At most so many of those, or so many rooms, are measured on."""

    @property
    def steps(self) -> int:
        """Steps that show at least `images` pieces."""
        return -(-self.images // self.batch)

    def __post_init__(self) -> None:
        """Check what would fail later."""
        if self.scale not in SCALES:
            raise ConfigError(f"scale: must be one of {', '.join(map(str, SCALES))}, got {self.scale}")
        if self.kernel not in KERNELS:
            raise ConfigError(f"kernel: must be one of {', '.join(KERNELS)}, got {self.kernel!r}")
        for name in ("features", "blocks", "images", "batch", "checkpoint_every", "held_out"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        for name in ("adversarial", "learning_rate"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name}: must be a number >= 0, got {getattr(self, name)}")
        if not 0 < self.apart < 1:
            raise ConfigError(f"apart: a share of the pictures above 0 and below 1, got {self.apart}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed: must be from 0 to 2^32 - 1, got {self.seed}")
        multiple = 32 if self.pictures == ROOMS else 4 * self.scale
        if self.side < multiple or self.side % multiple:
            raise ConfigError(f"side: must divide by {multiple} px, got {self.side}")
