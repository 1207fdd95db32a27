"""What training an encoder is told, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from higan_cam.errors import ConfigError
from higan_cam.types import Precision


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """Training the network that reads codes off pictures.

    Raises:
        ConfigError: a count or a share out of range, or a side that the convolutions cannot halve so often.
    """

    output: str
    """Folder of checkpoints, samples and the finished weights."""
    generator: str = "rooms"
    """A generator that the loader reads: a name or a file."""
    generator_sha256: str = ""
    """Of its file: another generator is another training run."""
    boundary: str | None = None
    """File of a boundary; a part of the samples is pushed along it."""
    boundary_sha256: str = ""
    precision: Precision = "bfloat16"
    """Of the generator's products."""
    side: int = 64
    """Side of what the encoder sees, px."""
    widths: tuple[int, ...] = (24, 48, 96)
    """Channels of the convolutions that read the code; each halves the side."""
    hidden: int = 384
    """Units between them and the code."""
    camera_widths: tuple[int, ...] = (16, 32, 64)
    """Channels of the convolutions that find the camera; they see half the side."""
    deltas: bool = False
    """Whether rows of w+ may differ."""
    samples: int = 16_384
    """The generator's samples, drawn once and seen in other views every time; 0 draws new ones at every step."""
    pushed: float = 0.25
    """Share of the samples that are pushed away from where the generator's codes lie."""
    push: float = 3.0
    """How far at most: standard deviations in a random direction, code units along the boundary."""
    untouched: float = 0.25
    """Share of the views that are the sample as it is."""
    steps: int = 4000
    batch: int = 64
    """Pictures per step, over all workers."""
    learning_rate: float = 2e-3
    """AdamW's, at the top of the cosine."""
    picture_every: int = 8
    """Steps between those that also draw what the codes say; 0 leaves them out."""
    picture_batch: int = 16
    """Pictures of such a step that are drawn, over all workers."""
    picture_weight: float = 4.0
    """Of the mean squared error of what is drawn, on [-1,1], against that of codes in standard deviations."""
    again_weight: float = 0.5
    """Of the squared difference between a code and that of what it draws (in-domain inversion)."""
    seed: int = 0
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    held_out: int = 256
    """Held-out samples, and photos where there are any, that are measured at the end."""

    def __post_init__(self) -> None:
        """Check what would fail later."""
        for name in ("side", "hidden", "steps", "batch", "checkpoint_every", "held_out"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        for name in ("samples", "picture_every", "picture_weight", "again_weight", "push"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}: must be >= 0, got {getattr(self, name)}")
        for name in ("pushed", "untouched"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: a share in [0,1], got {getattr(self, name)}")
        deepest = max(2 ** len(self.widths), 2 ** (len(self.camera_widths) + 1))
        if self.side % deepest or min((*self.widths, *self.camera_widths), default=0) < 1:
            raise ConfigError(
                f"side: {self.side} px cannot be halved by widths {self.widths} and, from half of it, camera_widths "
                f"{self.camera_widths}; use a multiple of {deepest}, and widths of 1 or more"
            )
        if self.picture_batch < 1 or self.batch % self.picture_batch:
            raise ConfigError(f"picture_batch: expected a divisor of batch ({self.batch}), got {self.picture_batch}")
