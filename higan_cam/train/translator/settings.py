"""What training a translator is told, frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from higan_cam.errors import ConfigError
from higan_cam.relight.response import RESPONSES, Response
from higan_cam.relight.translator.network import CHANNELS
from higan_cam.relight.translator.norms import NORMS

Kind = Literal["rooms", "run", "folders"]
KINDS: tuple[Kind, ...] = ("rooms", "run", "folders")
Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class TranslatorSettings:
    """Training a translator on rendered rooms, on the pairs of a run, or on folders of pictures.

    Raises:
        ConfigError: an unknown name, a side that does not divide into the network's levels, a value out of range.
    """

    output: str
    """Folder of the checkpoint, weights and figures."""
    kind: Kind = "rooms"
    """`rooms`: rendered, with their true light; `run`: its two ends with its masks; `folders`: off, on, and masks."""
    datasets: tuple[str, ...] = ()
    """The run; or the folders with the pictures off, on, and, where there are three, the masks."""
    pairs: str = ""
    """sha256 over what is learned from: others are another training run, wherever they lie."""
    attribute: str = "light"
    """What the pairs are of."""
    response: str = "film"
    """What levels mean as light: `film` is how rooms are rendered; `srgb` for pictures of whom nobody knows it."""
    side: int = 64
    """Of the pictures, px; those of other sizes are fitted."""
    channels: tuple[int, ...] = CHANNELS
    """Features of each level of the network."""
    norm: str = "group"
    """`group` or `instance`, by statistics of the picture."""
    condition: bool = True
    """The network is told where the lamp is."""
    dial: bool = False
    """The network is told a gain, and shown the light at any of them; only `predict_light(gain=)` asks it for one."""
    mirror: bool = False
    """Every other pair is shown as its mirror image."""
    linear: float = 0.5
    """Weight of the mean absolute error of linear light, beside that of display values, which has 1."""
    losses: tuple[tuple[str, float], ...] = ()
    """(name, weight) of losses of `higan_cam.losses` between the picture made and the true one."""
    adversarial: float = 0.0
    """Weight of a discriminator of patches; 0: none. Where the answer is one, it costs accuracy."""
    images: int = 60_000
    """Pairs shown in all."""
    batch: int = 32
    """Pairs per step, over all workers."""
    learning_rate: float = 2e-3
    """Adam's, at the top of the cosine."""
    precision: Precision = "bfloat16"
    """Of the network's products while it learns; weights, light and losses stay float32."""
    seed: int = 0
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    held_out: int = 200
    """So many rooms are rendered for the figures, or at most so many pairs of a run's test split are taken."""
    apart: float = 0.1
    """Share of the pairs of folders, evenly spread over their names, that is never trained on."""

    @property
    def steps(self) -> int:
        """Steps that show at least `images` pairs."""
        return -(-self.images // self.batch)

    @property
    def curve(self) -> Response:
        """What levels mean as light."""
        return RESPONSES[self.response]

    @property
    def weights(self) -> dict[str, float]:
        """`losses` as `make_losses` takes them."""
        return dict(self.losses)

    def __post_init__(self) -> None:
        """Check what would fail later."""
        names = {"kind": KINDS, "norm": tuple(NORMS), "response": tuple(RESPONSES), "precision": PRECISIONS}
        for name, known in names.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("images", "batch", "checkpoint_every", "held_out"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        for name in ("linear", "adversarial", "learning_rate"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name}: must be a number >= 0, got {getattr(self, name)}")
        if not 0 < self.apart < 1:
            raise ConfigError(f"apart: a share of the pairs above 0 and below 1, got {self.apart}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed: must be from 0 to 2^32 - 1, got {self.seed}")
        multiple = 2 ** (len(self.channels) - 1)
        if self.side < multiple or self.side % multiple or (self.kind == "rooms" and self.side % 32):
            raise ConfigError(f"side: must divide by {32 if self.kind == 'rooms' else multiple} px, got {self.side}")
        wanted = {"rooms": (0,), "run": (1,), "folders": (3,) if self.condition else (2, 3)}[self.kind]
        if len(self.datasets) not in wanted:
            raise ConfigError(
                f"datasets: {self.kind} with condition {self.condition} takes {' or '.join(map(str, wanted))} places "
                f"(a run; or folders off, on, masks), got {len(self.datasets)}"
            )
