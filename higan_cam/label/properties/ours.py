"""Properties of faces as they are measured here: by the eye line, in eye distances, undefined where a part is missing.

Each is a function of `Face`: (N,) finite values with a gradient, and why some of them mean nothing. Why not by the
published formulas: this room's README.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.label.properties.parts import Face, kept_mean, mean_extent_across

HAIR_COLOR_KEPT = (0.1, 0.9)
BACKGROUND_KEPT = (0.05, 0.95)
ENDS = 0.03
"""Share of the hair by whose mean place each of its ends is told."""
NARROWEST = 3.0
"""Pixels: of an eye that is narrower in the map nobody can say how open it is."""


@dataclass(frozen=True, eq=False)
class Reading:
    """(N,) finite values; what is lacking where they mean nothing: (which pictures, the reason), the first counts."""

    values: Tensor
    lacking: tuple[tuple[Tensor, str], ...] = ()

    def scores(self) -> Tensor:
        """(N,) NaN where something is lacking."""
        known = torch.ones_like(self.values, dtype=torch.bool)
        for where, _ in self.lacking:
            known = known & ~where
        return torch.where(known, self.values, torch.nan)

    def reasons(self) -> tuple[str, ...]:
        """Per picture "" or the reason."""
        found = [""] * len(self.values)
        for where, reason in self.lacking:
            for row in torch.nonzero(where.flatten()).flatten().tolist():
                found[row] = found[row] or reason
        return tuple(found)


def eyes(face: Face) -> Reading:
    """How open: extent across the eye line by extent along it, both eyes together. 0 closed, about 0.5 wide open."""
    line = face.eye_line
    high, wide = ([eye.extent(axis) for eye in face.eyes] for axis in (line.across, line.along))
    too_small = torch.minimum(wide[0], wide[1]) < NARROWEST
    opening = (high[0] + high[1]) / (wide[0] + wide[1])
    return Reading(opening, (*line.lacking, (too_small, f"an eye of less than {NARROWEST:g} pixels")))


def mouth(face: Face) -> Reading:
    """How open: mean extent of the inner mouth across the eye line, in eye distances; 0 where none is seen."""
    line = face.eye_line
    lips = face.part("upper_lip", "inner_mouth", "lower_lip")
    opening = mean_extent_across(face.part("inner_mouth"), line.along)
    return Reading(opening / line.distance, (*line.lacking, (~lips.there, "no mouth")))


def yaw(face: Face) -> Reading:
    """The turn of the head: from the eyes' midpoint to the nose's centre along the eye line, in eye distances.

    Above 0 to the picture's right.
    """
    line, nose = face.eye_line, face.part("nose")
    u, v = line.along
    along = (nose.x - line.x) * u + (nose.y - line.y) * v
    return Reading(along / line.distance, (*line.lacking, (~nose.there, "no nose")))


def hair_color(face: Face) -> Reading:
    """Mean of the crop's grey over the hair without its darkest and brightest tenth, in [0,1]."""
    hair = face.weight("hair")
    mean, _ = kept_mean(face.grey.flatten(1), hair.flatten(1), *HAIR_COLOR_KEPT)
    return Reading(mean, ((~face.part("hair").there, "no hair"),))


def hair_length(face: Face) -> Reading:
    """From the hair's highest to its lowest end across the eye line, in eye distances; without hair 0 and not valid."""
    line, hair = face.eye_line, face.weight("hair")
    there = face.part("hair").there
    u, v = line.across
    y = torch.arange(hair.shape[1], dtype=hair.dtype, device=hair.device)[:, None]
    x = torch.arange(hair.shape[2], dtype=hair.dtype, device=hair.device)
    down = u[:, None, None] * x + v[:, None, None] * y
    down, weight = down.flatten(1), hair.flatten(1)
    lowest, highest = kept_mean(down, weight, 1 - ENDS, 1)[0], kept_mean(down, weight, 0, ENDS)[0]
    length = torch.where(there, (lowest - highest) / line.distance, 0)
    return Reading(length, ((~there, "no hair"), *line.lacking))


def background_mean(face: Face) -> Reading:
    """Mean of the crop's grey over the upper half's background without its extreme twentieths, in [0,1]."""
    mean, _, lacking = _background(face)
    return Reading(mean, lacking)


def background_std(face: Face) -> Reading:
    """Deviation of the same, in [0,0.5]."""
    _, deviation, lacking = _background(face)
    return Reading(deviation, lacking)


PROPERTIES: dict[str, tuple[Callable[[Face], Reading], tuple[float, float]]] = {
    "eyes": (eyes, (0.0, math.inf)),
    "mouth": (mouth, (0.0, math.inf)),
    "hair_color": (hair_color, (0.0, 1.0)),
    "hair_length": (hair_length, (0.0, math.inf)),
    "yaw": (yaw, (-math.inf, math.inf)),
    "background_mean": (background_mean, (0.0, 1.0)),
    "background_std": (background_std, (0.0, 0.5)),
}
"""Name -> (measure, its least and greatest value)."""


def _background(face: Face) -> tuple[Tensor, Tensor, tuple[tuple[Tensor, str], ...]]:
    half = face.grey.shape[1] // 2
    weight = face.weight("background")[:, :half].flatten(1)
    mean, deviation = kept_mean(face.grey[:, :half].flatten(1), weight, *BACKGROUND_KEPT)
    return mean, deviation, ((weight.sum(dim=1) < 1, "no background above the middle"),)
