"""What a face looks like, as a closed form of its latent: every factor is a clipped linear functional of z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from higan_cam.worlds.factors import Factors, FactorSpec, Float32Array, binary, orthonormal_rows

Role = Literal["property", "turn", "glasses", "colour", "shape"]

Z_DIM = 64
PROPERTIES = ("eyes", "mouth", "hair_color", "hair_length", "yaw", "background_mean", "background_std")
"""What scorers read. All in [0,1] (closed to open, dark to light, short to long, even to patterned); `yaw`, the turn of
the head, in [-1,1], below 0 to the left of the picture."""
GLASSES_PROBABILITY = 0.3
COLOURS = (
    "skin_tone",
    "skin_warmth",
    "hair_warmth",
    "iris",
    "lips",
    "background_hue",
    "clothes_red",
    "clothes_green",
    "clothes_blue",
    "light",
)
"""Colours, and from which side the light falls; all in [0,1]."""
SHAPES = ("brow", "fringe", "smile", "width", "chin", "size", "across", "down")
"""Small differences of shape, in [0,1]; none of them is a property."""
OVERSHOOT = 0.5
"""A property runs on for this share of its range beyond both ends without a change of the picture, as a lamp's drive
does: so a generator learns that shut is shut, and an edit that goes too far leaves no ghosts."""
SLOPE, COLOUR_SLOPE, SHAPE_SLOPE = 0.5, 0.5, 0.35
"""With a standard normal behind it, a property is at one of its ends in 32% of the faces."""
_BASIS_SEED = 20200217


@dataclass(frozen=True, eq=False)
class Scene:
    """N faces: (N,F) float32 factor values as `factors` gives them, columns as in `FACTORS`."""

    values: Float32Array

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Float32Array:
        """(N,) what is seen of a factor, within its range; KeyError for another name."""
        low, high = span(name)
        return np.clip(self.values[:, _COLUMN[name]], low, high)

    def take(self, rows: npt.NDArray[np.intp]) -> Scene:
        """The faces at `rows`, in that order."""
        return Scene(self.values[rows])

    def with_value(self, name: str, value: float | Float32Array) -> Scene:
        """The same faces but for one factor; KeyError for another name."""
        values = self.values.copy()
        values[:, _COLUMN[name]] = value
        return Scene(values)


def span(name: str) -> tuple[float, float]:
    """The ends of what is seen of a factor."""
    return (-1.0, 1.0) if name == "yaw" else (0.0, 1.0)


def _plan() -> list[tuple[str, float, float, float, float, Role]]:
    """(name, slope, shift, low, high, role) of every factor, in the order of `FACTORS`."""
    plan: list[tuple[str, float, float, float, float, Role]] = []
    for name in PROPERTIES:
        low, high = span(name)
        reach = high - low
        ends = (low - OVERSHOOT * reach, high + OVERSHOOT * reach)
        role: Role = "turn" if name == "yaw" else "property"
        plan.append((name, SLOPE * reach, (low + high) / 2, *ends, role))
    plan.append(("glasses", *binary(GLASSES_PROBABILITY), 0.0, 1.0, "glasses"))
    plan += [(name, COLOUR_SLOPE, 0.5, 0.0, 1.0, "colour") for name in COLOURS]
    plan += [(name, SHAPE_SLOPE, 0.5, 0.0, 1.0, "shape") for name in SHAPES]
    return plan


def _specify() -> tuple[FactorSpec, ...]:
    plan = _plan()
    rows = orthonormal_rows(len(plan), Z_DIM, _BASIS_SEED)
    rows.flags.writeable = False
    return tuple(
        FactorSpec(name, row, slope, shift, low, high, role)
        for (name, slope, shift, low, high, role), row in zip(plan, rows, strict=True)
    )


FACTORS: tuple[FactorSpec, ...] = _specify()
"""Every factor of a face, in the column order of `factors`."""
_COLUMN = {factor.name: column for column, factor in enumerate(FACTORS)}

factors = Factors(FACTORS)
"""(N,64) latents of length 8 -> (N,F) float32 factor values, columns as in `FACTORS`; ValueError for another shape."""


def scene_of(z: npt.ArrayLike) -> Scene:
    """(N,64) latents (array or CPU tensor) of length 8 -> the N faces they mean."""
    return Scene(factors(z))


def as_scene(source: Scene | npt.ArrayLike) -> Scene:
    """A scene as it is, latents as the scene they mean."""
    return source if isinstance(source, Scene) else scene_of(source)
