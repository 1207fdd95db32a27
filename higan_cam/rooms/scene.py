"""What a room holds, as a closed form of its latent: every factor is a clipped linear functional of z."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from higan_cam.worlds.factors import Factors, FactorSpec, Float32Array, binary, orthonormal_rows

Role = Literal["layout", "style", "presence", "colour", "exposure", "lamp", "drive"]

Z_DIM = 128
STYLES = {"white_furniture": 0.4, "white_cover": 0.3, "carpet": 0.4, "day": 0.5}
"""Binary styles with their probability."""
OBJECTS = {
    "wardrobe": 0.5,
    "chair": 0.5,
    "rug": 0.55,
    "plant": 0.5,
    "picture_a": 0.6,
    "picture_b": 0.6,
    "curtains": 0.55,
    "cushions": 0.5,
    "throw": 0.4,
    "shelf": 0.4,
}
"""Furniture at fixed slots with the probability that it is there."""
COLOURS = {
    "wall_warmth": 0.5,
    "wall_lightness": 0.5,
    "wood_tone": 0.5,
    "floor_tone": 0.5,
    "cover_red": 0.6,
    "cover_green": 0.6,
    "cover_blue": 0.6,
    "curtain_hue": 0.5,
    "curtain_lightness": 0.5,
    "rug_hue": 0.6,
    "rug_lightness": 0.5,
    "picture_a_hue": 0.6,
    "picture_b_hue": 0.6,
}
"""Continuous colour coordinates with the slope of their clip."""
LAMPS = (
    "ceiling_left",
    "ceiling_centre",
    "ceiling_right",
    "bedside_left",
    "bedside_right",
    "floor_left",
    "floor_right",
    "desk",
)
"""Lamp slots; the second layout has a wall sconce at `bedside_right` and a corner lamp at `floor_right`."""
LAMP_PROBABILITY = 0.4
DRIVE_SLOPE, DRIVE_SHIFT = 1.5, 0.6
"""With a standard normal behind it: 34% of the drives are below 0 (off), 26% between, 40% above 1 (fully lit)."""
SHARED, OWN = 0.75, 0.66
"""Shares of the direction common to all lamps and of a lamp's own direction in its drive."""
_BASIS_SEED = 20200131


@dataclass(frozen=True, eq=False)
class Scene:
    """N rooms. All float32 in [0,1], but for `drive`; binary factors are in between in about 1% of the cases.

    Attributes:
        layout: (N,) 0 frontal, 1 corner view.
        style: (N,4) columns `STYLES`.
        objects: (N,10) columns `OBJECTS`.
        colour: (N,13) columns `COLOURS`.
        exposure: (N,) ambient light.
        present: (N,8) columns `LAMPS`: the lamp exists.
        drive: (N,8) in [-1,2]: below 0 the lamp is off, above 1 fully lit; independent of `present`.
        tints: (N,9,3) sRGB of `render.PALETTE` in place of what style and colour make of it; no latent means such.
    """

    layout: Float32Array
    style: Float32Array
    objects: Float32Array
    colour: Float32Array
    exposure: Float32Array
    present: Float32Array
    drive: Float32Array
    tints: Float32Array | None = None

    def __len__(self) -> int:
        return len(self.layout)

    @property
    def brightness(self) -> Float32Array:
        """(N,8) in [0,1]: how bright each lamp burns, whether or not it is present."""
        return np.clip(self.drive, 0.0, 1.0)

    def column(self, name: str) -> Float32Array:
        """(N,) values of a style, object, colour or lamp presence by name; KeyError for another name."""
        columns = (
            (STYLES, self.style),
            (OBJECTS, self.objects),
            (COLOURS, self.colour),
            (LAMPS, self.present),
        )
        for names, values in columns:
            if name in names:
                return values[:, tuple(names).index(name)]
        raise KeyError(name)

    def take(self, rows: npt.NDArray[np.intp]) -> Scene:
        """The scenes at `rows`, in that order."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(self, **{name: value[rows] for name, value in values.items() if value is not None})


def _plan() -> list[tuple[str, float, float, float, float, Role]]:
    """(name, slope, shift, low, high, role) of every factor, in the order of `FACTORS`."""
    plan: list[tuple[str, float, float, float, float, Role]] = [("layout", *binary(0.5), 0.0, 1.0, "layout")]
    plan += [(name, *binary(p), 0.0, 1.0, "style") for name, p in STYLES.items()]
    plan += [(name, *binary(p), 0.0, 1.0, "presence") for name, p in OBJECTS.items()]
    plan += [(name, slope, 0.5, 0.0, 1.0, "colour") for name, slope in COLOURS.items()]
    plan += [("exposure", 1 / 3, 0.5, 0.0, 1.0, "exposure")]
    plan += [(name, *binary(LAMP_PROBABILITY), 0.0, 1.0, "lamp") for name in LAMPS]
    plan += [(f"{name}_drive", DRIVE_SLOPE, DRIVE_SHIFT, -1.0, 2.0, "drive") for name in LAMPS]
    return plan


def _specify() -> tuple[FactorSpec, ...]:
    plan = _plan()
    *rows, shared = orthonormal_rows(len(plan) + 1, Z_DIM, _BASIS_SEED)
    specs = []
    for (name, slope, shift, low, high, role), row in zip(plan, rows, strict=True):
        weights = SHARED * shared + OWN * row if role == "drive" else row
        weights.flags.writeable = False
        specs.append(FactorSpec(name, weights, slope, shift, low, high, role))
    return tuple(specs)


FACTORS: tuple[FactorSpec, ...] = _specify()
"""Every factor of a scene, in the column order of `factors`."""


def indices(*roles: Role) -> list[int]:
    """Columns of `factors` with one of these roles."""
    return [i for i, factor in enumerate(FACTORS) if factor.role in roles]


_COLOURED = {
    "curtains": ("curtain_hue", "curtain_lightness"),
    "cushions": ("curtain_hue", "curtain_lightness"),
    "throw": ("rug_hue", "rug_lightness"),
    "rug": ("rug_hue", "rug_lightness"),
    "picture_a": ("picture_a_hue",),
    "picture_b": ("picture_b_hue",),
    "wardrobe": ("wood_tone", "white_furniture"),
    "chair": ("wood_tone", "white_furniture"),
    "shelf": ("wood_tone", "white_furniture"),
    "white_furniture": ("wood_tone",),
    "white_cover": ("cover_red", "cover_green", "cover_blue"),
    "carpet": ("floor_tone",),
}


def _products() -> tuple[tuple[int, int], ...]:
    at = {factor.name: i for i, factor in enumerate(FACTORS)}
    pairs: Iterable[tuple[int, int]] = [(at["layout"], i) for i in range(len(FACTORS)) if i != at["layout"]]
    lamps = [(at[name], at[f"{name}_drive"]) for name in LAMPS]
    coloured = [(at[a], at[b]) for a, colours in _COLOURED.items() for b in colours]
    return (*pairs, *lamps, *coloured)


PRODUCTS: tuple[tuple[int, int], ...] = _products()
"""Pairs of factor columns whose product the renderer uses: layout x all, lamp x drive, object or style x colour."""


factors = Factors(FACTORS)
"""(N,128) latents of length sqrt(128) -> (N,F) float32 factor values, columns as in `FACTORS`; ValueError otherwise."""


def scene_of(z: npt.ArrayLike) -> Scene:
    """(N,128) latents (array or CPU tensor) of length sqrt(128) -> the N scenes they mean."""
    values = factors(z)
    roles: tuple[Role, ...] = ("layout", "style", "presence", "colour", "exposure", "lamp", "drive")
    layout, style, objects, colour, exposure, present, drive = (values[:, indices(role)] for role in roles)
    return Scene(layout[:, 0], style, objects, colour, exposure[:, 0], present, drive)
