"""`translator`: the light that a network has learned from pairs, at a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.relight.composers.compose import Composed, Spot, nothing
from higan_cam.relight.composers.cutout import falloff, with_lamp
from higan_cam.relight.translator import light_in, load_translator, translator_file
from higan_cam.types import FloatArray
from higan_cam.weights.files import sha256_of

_REACH = 0.03
"""Of a glow at the place, as a share of the picture's shorter side: some lamp's size."""

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "weights": ((str,), "text, `rooms` or a file"),
    "side": ((int,), "a whole number, of px"),
    "core": ((int, float), "a number, a share of the peak"),
}
"""What settings from YAML may be: they are typed nowhere else."""


@dataclass(frozen=True, kw_only=True)
class LearnedSettings:
    """Of the composer `translator`.

    Attributes:
        weights: `rooms` (embedded), or a file of `higan-cam train translator`.
        side: the picture is looked at with its shorter side at this many px, if it has more, and the light carried back
            as a multiple of what is there; 0 takes the side that the network was trained at, -1 the picture's own.
        core: the lamp is taken to be where the heat is at least this share of its peak; chosen among .3, .5, .7, .85
            for the embedded student's heat and a network that was trained on shades.

    Raises:
        ConfigError: a value of another type, no such side or share.
    """

    weights: str = "rooms"
    side: int = 0
    core: float = 0.7

    def __post_init__(self) -> None:
        """Check what would fail later."""
        for name, (kinds, expected) in _TYPES.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ConfigError(f"translator: {name} must be {expected}, got {value!r}")
        if self.side < -1:
            raise ConfigError(f"translator: side must be 1 px or more, 0 (that of training) or -1, got {self.side}")
        if not 0 < self.core <= 1:
            raise ConfigError(f"translator: core must be above 0, at most 1, got {self.core}")


class Learned:
    """The light of a network; the picture stays as it is, but for a lamp that is pasted where one is named."""

    def __init__(self, settings: LearnedSettings) -> None:
        """WeightsError: the file holds no translator, or one that takes light away."""
        self._core = settings.core
        self._translator = load_translator(settings.weights)
        if self._translator.burning:
            raise WeightsError(
                f"{settings.weights}: takes light away; name a translator that adds it (`relight.translator.translate` "
                "with gain 0 switches lamps off)"
            )
        self._side = {0: self._translator.side, -1: None}.get(settings.side, settings.side)
        self.digests = {"translator": sha256_of(translator_file(settings.weights))}

    def __call__(self, spot: Spot) -> Composed:
        """Where the lamp is, the heat says; without it the mask, and without that the place."""
        recorded: dict[str, object] = {
            "composer": "translator",
            "seed": spot.seed,
            "side": self._side,
            "core": self._core,
        }
        recorded |= self.digests
        weight = spot.weight
        if not weight.any():
            return nothing(spot, "the mask is empty: nothing may change", recorded)
        picture = spot.picture if spot.lamp is None else with_lamp(spot.picture, spot.lamp, spot.place)
        light = light_in(self._translator, picture, lamp_mask(spot, self._core), side=self._side, weight=weight)
        return Composed(picture, light, recorded)


def lamp_mask(spot: Spot, core: float) -> FloatArray:
    """(H,W) float32, 0 or 1: where the lamp is that comes on; without heat and mask a glow at the place is the heat."""
    if spot.heat is None and spot.mask is not None:
        return (spot.mask > 0).astype(np.float32)
    heat = falloff(spot, _REACH) if spot.heat is None else spot.heat
    return np.asarray((heat >= core * heat.max()) & (heat > 0), np.float32)
