"""What training on unpaired pictures is told, frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from higan_cam.errors import ConfigError
from higan_cam.losses.adversarial import GAMES
from higan_cam.relight.response import RESPONSES
from higan_cam.relight.translator.network import CHANNELS
from higan_cam.relight.translator.norms import NORMS
from higan_cam.train.translator.settings import PRECISIONS, Precision


@dataclass(frozen=True, kw_only=True)
class UnpairedSettings:
    """CycleGAN (Zhu et al. 2017, arXiv:1703.10593) whose networks add light and take it away.

    Raises:
        ConfigError: an unknown name, a side that does not divide into the network's levels, a value out of range.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("off", "on")
    """Where the pictures lie does not decide the weights: `pictures` does."""

    output: str
    """Folder of the checkpoint, weights and figures."""
    off: str
    """Pictures with the lamp off."""
    on: str
    """Pictures with it on, of other scenes or in another order."""
    pictures: str = ""
    """sha256 over both: others are another training run, wherever they lie."""
    response: str = "srgb"
    """What levels mean as light."""
    side: int = 64
    """Of the pictures, px; the largest square in the middle of others is fitted."""
    channels: tuple[int, ...] = CHANNELS
    """Features of each level of both networks."""
    norm: str = "instance"
    """`group` or `instance`, by statistics of the picture."""
    game: str = "least_squares"
    """What networks and discriminators of patches lose, a name of `losses.adversarial.GAMES`."""
    cycle: float = 10.0
    """Weight of the mean absolute error of display values after there and back, beside the game's 1."""
    identity: float = 5.0
    """Weight of the same error of pictures that are lit, or unlit, already."""
    through: bool = False
    """The error after there and back moves both networks, as published; else the one that leads back alone, so that
    nothing pays to hide in an answer what the other one finds there, and each learns from answers that are real."""
    noise: float = 0.03
    """Deviation of noise, of display values, in pictures made before they are led back: what is hidden is lost."""
    pool: int = 50
    """Pictures made earlier that each discriminator is shown again; 0: the latest alone."""
    mirror: bool = False
    """Every other picture is shown as its mirror image."""
    images: int = 20_000
    """Pictures of each folder to show in all."""
    finish: int = 0
    """Pairs to show at last, made of the pictures with the lamp on (`finish.py`), to a network that takes the place of
    the one that adds light; 0: none."""
    batch: int = 4
    """Pictures of each folder per step, over all workers."""
    learning_rate: float = 1e-3
    """Adam's, of networks and discriminators, at the top of the cosine."""
    precision: Precision = "float32"
    """Of the products of the two networks that make pictures; weights, light and losses stay float32."""
    seed: int = 0
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    held_out: int = 50
    """Pictures of each folder, evenly spread over them, that are never trained on; figures are of these."""

    @property
    def steps(self) -> int:
        """Steps that show at least `images` pictures of each folder."""
        return -(-self.images // self.batch)

    def __post_init__(self) -> None:
        """Check what would fail later."""
        names = {"norm": tuple(NORMS), "response": tuple(RESPONSES), "game": tuple(GAMES), "precision": PRECISIONS}
        for name, known in names.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name, least in {
            "images": 1,
            "batch": 1,
            "checkpoint_every": 1,
            "held_out": 1,
            "pool": 0,
            "finish": 0,
        }.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: must be >= {least}, got {getattr(self, name)}")
        for name in ("cycle", "identity", "noise", "learning_rate"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name}: must be a number >= 0, got {getattr(self, name)}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed: must be from 0 to 2^32 - 1, got {self.seed}")
        multiple = 2 ** (len(self.channels) - 1)
        if self.side < max(8, multiple) or self.side % multiple:  # the discriminator halves it three times
            raise ConfigError(f"side: must divide by {multiple} px and be 8 at least, got {self.side}")
