"""What training a generator on pictures is told, frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, cast

from higan_cam.errors import ConfigError
from higan_cam.pictures import Fit
from higan_cam.pictures.fitting import FITS
from higan_cam.train.gan.augment import AUGMENTATIONS
from higan_cam.train.gan.discriminators import GROUP
from higan_cam.train.gan.steering.colours import COLOURS

Network = Literal["dcgan", "stylegan2"]
Precision = Literal["float32", "bfloat16"]
GanLoss = Literal["non_saturating", "relativistic"]


@dataclass(frozen=True, kw_only=True)
class GanSettings:
    """Training a generator and its discriminator.

    Raises:
        ConfigError: a number out of range, an unknown name, or sizes that do not go together.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("pictures", "second", "init", "init_discriminator")
    """Settings that say where something lies on this machine; what it is, their digests say."""
    output: str
    """Folder of the checkpoint, samples and the finished weights."""
    pictures: str
    """Folder, glob, zip, tar, Parquet or CSV of pictures; any URI."""
    pictures_sha256: str = ""
    """Over the contents of those that can be read, in order: others are another training run."""
    second: str = ""
    """Another source of pictures, for a StyleGAN2 whose coarse rows follow `pictures` and whose fine rows follow this
    (see `steering.sources`). Empty: one source."""
    second_sha256: str = ""
    switch_side: int = 0
    """With `second`: rows of w+ from this side on, px, are the fine ones."""
    properties: tuple[str, ...] = ()
    """Scorers, NAME[:TARGET][=WEIGHTS], whose readings can be asked for (see `steering.conditions`)."""
    properties_sha256: tuple[str, ...] = ()
    """Of each one's file, empty where it has none; from `steering.properties.known_anywhere`."""
    property_weight: float = 1.0
    """Of the mean squared difference between what was asked for and what samples have, in spreads of the pictures."""
    keep_weight: float = 0.4
    """With properties: of the mean absolute difference, in [0,2], between samples with what is asked for and those of
    the same codes without it: what was not asked for shall stay."""
    network: Network = "stylegan2"
    side: int = 64
    """Of the pictures, px: a power of 2 from 8 to 512."""
    colours: Literal["rgb", "grey"] = "rgb"
    """`grey`: pictures lose their colour, and samples have none, in a generator of RGB all the same."""
    fit: Fit = "crop"
    """The largest square in a picture's middle, or all of it with its edge repeated beyond (`pad`)."""
    z_dim: int = 128
    channels: tuple[int, ...] = ()
    """Of the generator, from 4 px up; the discriminator has the same. Empty: 64, halved from 32 px on (DCGAN: the side
    of half the picture up, `width` doubled with every halving)."""
    width: int = 24
    """DCGAN's channels at half the picture's side."""
    mapping_layers: int = 3
    init: str = ""
    """Weights to start at, as `generator.weights` takes them; `transfer.transferred` takes the sizes from them. Empty:
    random ones."""
    init_sha256: str = ""
    init_discriminator: str = ""
    """File of the discriminator's weights; empty: random ones."""
    init_discriminator_sha256: str = ""
    freeze: tuple[str, ...] = ()
    """Patterns (`*`, `?`, `[…]`) of names of parameters that stay as `init` has them, such as `mapping.*` or
    `discriminator.blocks.0.*`; without the network's name before it a pattern is tried in both."""
    freeze_discriminator: int = 0
    """So many layers of the discriminator stay, those that see the picture first."""
    loss: GanLoss = "non_saturating"
    gamma: float = 1.0
    """R1's weight is gamma / 2; with `relativistic` it holds for samples (R2) too."""
    penalty_every: int = 16
    """Steps between penalties, whose weight is multiplied by as much."""
    path_weight: float = 0.0
    """Of the path length penalty of StyleGAN2; 0 leaves it out."""
    path_every: int = 8
    mixing: float = 0.5
    """Share of StyleGAN2's samples whose finer rows come from a second z."""
    augment: Literal["none", "classic", "diffaugment", "ada"] = "none"
    """What the discriminator sees: pictures as they are; reals alone flipped, shifted and turned, which the generator
    learns to draw (`classic`, for comparison); both alike in colour, place and with a hole (`diffaugment`), or each
    change with a chance that follows how sure the discriminator is (`ada`)."""
    ada_target: float = 0.6
    """Mean sign of D(real) that `ada` holds; with `relativistic`, whose D has no zero, of D(real) - D(sample)."""
    ada_kimg: float = 500.0
    """Thousands of pictures in which the chance can go from 0 to 1."""
    mirror: bool = False
    """Each picture and its mirror image: for rooms, not for writing."""
    images: int = 200_000
    """Pictures shown to the discriminator in all."""
    batch: int = 16
    """Pictures per step, over all workers."""
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)
    """Adam's."""
    precision: Precision = "float32"
    """Of the products of both networks. Weights, losses, penalties and the steps that measure paths stay in float32.
    Bytes follow from it, so nothing is chosen by itself; `speed.rates` measures what a machine makes of each."""
    apart: int = 0
    """So many pictures, 0 or at least 4, are never trained on: how the discriminator takes them says whether it learns
    by heart. Part of what identifies a training run, as it decides which pictures are shown."""
    seed: int = 0
    checkpoint_every: int = 250
    """Steps between checkpoints and sheets of samples."""

    @property
    def steps(self) -> int:
        """Steps that show at least `images` pictures."""
        return -(-self.images // self.batch)

    def __post_init__(self) -> None:
        """Check what would fail later."""
        counts = ("z_dim", "width", "mapping_layers", "penalty_every", "path_every", "images", "batch")
        for name in (*counts, "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        numbers = {field.name: getattr(self, field.name) for field in fields(self)}
        wild = [name for name, value in numbers.items() if isinstance(value, float) and not math.isfinite(value)]
        if wild:
            raise ConfigError(f"{wild[0]}: must be a finite number, got {numbers[wild[0]]}")
        weights = ("property_weight", "keep_weight")
        for name in (*weights, "gamma", "path_weight", "learning_rate", "apart", "freeze_discriminator"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}: must be >= 0, got {getattr(self, name)}")
        ranges = {
            "apart": (self.apart == 0 or self.apart >= GROUP, f"0, or {GROUP} and more, which are judged together"),
            "seed": (0 <= self.seed < 2**63 - 1, "from 0 to 2^63 - 2"),
            "mixing": (0 <= self.mixing <= 1, "a share in [0,1]"),
            "ada_kimg": (self.ada_kimg > 0, "> 0"),
            "ada_target": (-1 < self.ada_target < 1, "a mean of signs, between -1 and 1"),
            "side": (self.side in SIDES, "a power of 2 from 8 to 512 px"),
        }
        for name, (fits, expected) in ranges.items():
            if not fits:
                raise ConfigError(f"{name}: must be {expected}, got {getattr(self, name)}")
        choices = {"network": NETWORKS, "loss": LOSSES, "augment": AUGMENTATIONS, "precision": PRECISIONS}
        choices |= {"colours": COLOURS, "fit": FITS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        levels = self.side.bit_length() - (3 if self.network == "dcgan" else 2)
        if self.channels and (len(self.channels) != levels or min(self.channels) < 1):
            raise ConfigError(
                f"channels: {self.network} of {self.side} px has {levels} counts >= 1, got {self.channels}"
            )
        self._check_properties()
        self._check_init()
        self._check_second()
        if self.network == "dcgan" and self.path_weight:
            raise ConfigError("path_weight: DCGAN has no w whose paths could be measured; leave it at 0")

    def _check_properties(self) -> None:
        if self.properties_sha256 and len(self.properties_sha256) != len(self.properties):
            raise ConfigError(
                f"properties_sha256: must be one for each of {len(self.properties)} properties, got "
                f"{len(self.properties_sha256)}"
            )

    def _check_init(self) -> None:
        for name in ("init", "init_discriminator"):
            if bool(getattr(self, name)) != bool(getattr(self, f"{name}_sha256")):
                raise ConfigError(f"{name}: goes with its digest; take the settings from `transfer.transferred`")
        if not self.init and (self.freeze or self.init_discriminator):
            raise ConfigError("init: freezing, and weights of the discriminator, need weights of the generator, too")
        if self.freeze_discriminator and not self.init_discriminator:
            raise ConfigError(
                "freeze_discriminator: the discriminator has random weights, which are not worth keeping; name "
                "init and a discriminator that fits it"
            )

    def _check_second(self) -> None:
        if not self.second:
            if self.switch_side:
                raise ConfigError("switch_side: says where a second source begins; name second, too")
            return
        if self.switch_side not in SIDES or self.switch_side >= self.side:
            raise ConfigError(
                f"switch_side: must be a power of 2 from 8 to {self.side // 2} px, half the picture's, got "
                f"{self.switch_side}"
            )
        kept = bool(self.freeze_discriminator or self.init_discriminator)
        for name, wrong, reason in (
            ("network", self.network != "stylegan2", "only StyleGAN2 has coarse and fine rows"),
            ("apart", self.apart > 0, "nothing is held out of two sources"),
            ("augment", self.augment == "ada", "ada knows one discriminator"),
            ("init_discriminator", kept, "its discriminators see other things than one that was trained before"),
        ):
            if wrong:
                raise ConfigError(f"{name}: does not go with second: {reason}")


PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
SIDES = (8, 16, 32, 64, 128, 256, 512)
NETWORKS: tuple[Network, ...] = ("dcgan", "stylegan2")
LOSSES: tuple[GanLoss, ...] = ("non_saturating", "relativistic")
RECIPES: dict[str, dict[str, Any]] = {
    "dcgan": {"batch": 32, "learning_rate": 1e-3, "betas": (0.5, 0.99), "gamma": 0.3},
    "stylegan2": {},
}
"""What goes with a network, beside the defaults."""


def recipe(network: str = "stylegan2", **said: Any) -> GanSettings:
    """Settings with what goes with the network, where nothing else is said. ConfigError: as `GanSettings`."""
    return GanSettings(network=cast(Network, network), **{**RECIPES.get(network, {}), **said})
