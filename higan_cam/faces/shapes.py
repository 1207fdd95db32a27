"""Where shapes are: signed distances to their outlines, negative inside, in units of half a picture.

Points are (x, y), -1 to 1 from left to right and from top to bottom. Distances are exact for lines and discs and good
to first order near the outline for the rest (value of an implicit function over the length of its gradient).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Value = Tensor | float


@dataclass(frozen=True, eq=False)
class Points:
    """Pixel centres, seen from a place: x and y broadcast to (N,R,R)."""

    x: Tensor
    y: Tensor

    def cut(self, rows: slice, columns: slice) -> Points:
        """Only those of some rows and columns; x must be (N,1,R) and y (N,R,1)."""
        return Points(self.x[..., columns], self.y[:, rows])

    def seen_from(self, x: Value, y: Value, scale: Value = 1.0) -> Points:
        """The same points with (x, y) as origin, lengths divided by `scale`."""
        return Points((self.x - x) / scale, (self.y - y) / scale)


def pixel_centres(resolution: int) -> Points:
    """Of a square picture; x (1,1,R), y (1,R,1)."""
    centres = (torch.arange(resolution) + 0.5) * (2 / resolution) - 1
    return Points(centres[None, None, :], centres[None, :, None])


def ellipse(points: Points, across: Value, up: Value) -> Tensor:
    """Half axes `across` and `up` about the origin."""
    return egg(points, across, up, 0.0)


def egg(points: Points, across: Value, up: Value, taper: Value) -> Tensor:
    """An ellipse that grows narrower downwards: at its lower end by the share `taper`."""
    half = across * (1 - taper * (points.y / up).clamp(0, 1).square())
    u, v = points.x / half, points.y / up
    radius = (u.square() + v.square()).sqrt().clamp_min(1e-6)
    slope = ((u / half).square() + (v / up).square()).sqrt() / radius
    return (radius - 1) / slope.clamp_min(1e-3)


def lens(points: Points, across: Value, above: Value, below: Value, power: float = 2.0) -> Tensor:
    """Between two arches from (-across, 0) to (across, 0) that reach `above` upwards and `below` downwards.

    Their height falls off as 1 - |x / across| ** power: 2 are parabolas, more is squarer.
    """
    share = points.x.abs() / across
    arch, slope = 1 - share.pow(power), power * share.pow(power - 1) / across
    over = (-points.y - above * arch) / (1 + (above * slope).square()).sqrt()
    under = (points.y - below * arch) / (1 + (below * slope).square()).sqrt()
    return torch.maximum(torch.maximum(over, under), points.x.abs() - across)


def capsule(points: Points, end: tuple[Value, Value], radius: Value, end_radius: Value) -> Tensor:
    """A line from the origin to `end`, as thick as `radius` there and `end_radius` here, with round ends."""
    dx, dy = end
    along = ((points.x * dx + points.y * dy) / (dx * dx + dy * dy)).clamp(0, 1)
    away = ((points.x - along * dx).square() + (points.y - along * dy).square()).sqrt()
    return away - (radius + along * (end_radius - radius))


def box(points: Points, across: Value, up: Value, corner: Value) -> Tensor:
    """A rectangle of half sides `across` and `up` with corners rounded by the radius `corner`."""
    right, down = points.x.abs() - across + corner, points.y.abs() - up + corner
    outside = (right.clamp_min(0).square() + down.clamp_min(0).square()).sqrt()
    return outside + torch.maximum(right, down).clamp_max(0) - corner


def stroke(distance: Tensor, width: Value) -> Tensor:
    """The outline of a shape as a line of that width."""
    return distance.abs() - width / 2


def join(*distances: Tensor) -> Tensor:
    """In any of them."""
    found = distances[0]
    for each in distances[1:]:
        found = torch.minimum(found, each)
    return found


def common(*distances: Tensor) -> Tensor:
    """In all of them."""
    found = distances[0]
    for each in distances[1:]:
        found = torch.maximum(found, each)
    return found
