"""Where the parts of a face lie, how wide they are, and what is bright in them: soft moments of a segmenter's shares.

All of it is differentiable with respect to shares and picture, and depends neither on the size of the map nor on where
the face is in it. Shapes: N pictures, h and w the sides of the map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from higan_cam.label.segmenters import Segmentation
from higan_cam.worlds.face_parts import PARTS

LEAST = 0.5
"""Pixels of a part from which on it is there."""
PIXEL = 1 / 12
"""Variance of a pixel's own width, so that a map that is twice as large says the same."""
EXTENT = 4.0
"""Extent of an ellipse in standard deviations of its points along that axis."""


@dataclass(frozen=True, eq=False)
class Moments:
    """A part's (N,) mass in pixels, centre (x, y) and covariance of its points, in pixels of the map."""

    mass: Tensor
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    @property
    def there(self) -> Tensor:
        """(N,) bool."""
        return self.mass >= LEAST

    def extent(self, axis: tuple[Tensor, Tensor]) -> Tensor:
        """(N,) along a unit vector's two (N,) components, pixels: the full length of an ellipse of this spread."""
        u, v = axis
        # Never less than a pixel's own, but where two eyes at one place leave no axis.
        variance = (u * u * self.xx + 2 * u * v * self.xy + v * v * self.yy).clamp_min(PIXEL / 2)
        return EXTENT * variance.sqrt()


@dataclass(frozen=True, eq=False)
class EyeLine:
    """The line through both eyes, from the picture's left to its right, whichever eye is called the left one.

    Attributes:
        x, y: (N,) their midpoint, pixels.
        along, across: unit vectors, (N,) components; `across` points to the chin.
        distance: (N,) between their centres, pixels, at least 1.
        lacking: why there is no line: (which pictures, the reason).
    """

    x: Tensor
    y: Tensor
    along: tuple[Tensor, Tensor]
    across: tuple[Tensor, Tensor]
    distance: Tensor
    lacking: tuple[tuple[Tensor, str], ...]


class Face:
    """The faces of a segmentation.

    Args:
        shares: (N,11,h,w) of `PARTS`.
        crop: (N,3,h,w) in [0,1].
    """

    def __init__(self, shares: Tensor, crop: Tensor) -> None:
        self.weights = sharpened(shares)
        self.grey = crop.mean(dim=1)

    @classmethod
    def of(cls, seen: Segmentation) -> Face:
        """The faces that a segmenter has seen."""
        return cls(seen.shares, seen.crop)

    def weight(self, *names: str) -> Tensor:
        """(N,h,w) how much of each pixel is one of these parts, sharpened."""
        return self.weights[:, [PARTS.index(name) for name in names]].sum(dim=1)

    def part(self, *names: str) -> Moments:
        """Moments of these parts together."""
        return moments(self.weight(*names))

    @cached_property
    def eyes(self) -> tuple[Moments, Moments]:
        """The eyes, left label first."""
        return self.part("eye_left"), self.part("eye_right")

    @cached_property
    def eye_line(self) -> EyeLine:
        """The line through both."""
        left, right = self.eyes
        dx, dy = right.x - left.x, right.y - left.y
        # Segmenters differ in whose left they mean: the line goes from the picture's left to its right for all.
        sign = torch.where(dx < 0, -1.0, 1.0).to(dx.dtype)
        squared = dx.square() + dy.square()
        distance = squared.clamp_min(1).sqrt()
        u, v = sign * dx / distance, sign * dy / distance
        lacking = (
            (~left.there & ~right.there, "no eyes"),
            (~left.there, "no left eye"),
            (~right.there, "no right eye"),
            (squared < 1, "both eyes at one place"),
        )
        return EyeLine((left.x + right.x) / 2, (left.y + right.y) / 2, (u, v), (-v, u), distance, lacking)


def sharpened(shares: Tensor) -> Tensor:
    """Shares in [0,1] with the doubtful ones pushed apart, smoothly: s^4 / (s^4 + (1-s)^4).

    A softmax leaves a little of every part everywhere, which far from the part would outweigh it in a variance; 0, a
    half and 1 stay what they are.
    """
    kept, lost = shares**4, (1 - shares) ** 4
    return kept / (kept + lost)


def moments(weight: Tensor) -> Moments:
    """(N,h,w) in [0,1] -> its moments; a part that is not there lies at the corner and is a pixel large."""
    height, width = weight.shape[1:]
    y = torch.arange(height, dtype=weight.dtype, device=weight.device)
    x = torch.arange(width, dtype=weight.dtype, device=weight.device)
    mass = weight.sum(dim=(1, 2))
    divisor = mass.clamp_min(1e-6)
    rows, columns = weight.sum(dim=2), weight.sum(dim=1)
    mean_x, mean_y = (columns @ x) / divisor, (rows @ y) / divisor
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    return Moments(
        mass=mass,
        x=mean_x,
        y=mean_y,
        xx=(columns * dx.square()).sum(dim=1) / divisor + PIXEL,
        xy=torch.einsum("nhw,nh,nw->n", weight, dy, dx) / divisor,
        yy=(rows * dy.square()).sum(dim=1) / divisor + PIXEL,
    )


def mean_extent_across(part: Moments, along: tuple[Tensor, Tensor]) -> Tensor:
    """(N,) mean extent across the axis over the part's length along it, pixels: its area by that length.

    Smooth down to a part that is not there, whose extent is 0.
    """
    return part.mass * (4 / math.pi) / part.extent(along)


def kept_mean(values: Tensor, weights: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Mean and deviation of (N,P) values between two shares of their weight, in order of value; (N,) each.

    `low` 0.1 and `high` 0.9 leave out the darkest and the brightest tenth. A value whose weight lies across an end
    counts with what is inside, so that both are continuous in the weights.
    """
    order = values.argsort(dim=1)
    value, weight = values.gather(1, order), weights.gather(1, order).double()
    total = weight.sum(dim=1, keepdim=True)
    upto = weight.cumsum(dim=1)
    kept = (torch.minimum(upto, high * total) - torch.maximum(upto - weight, low * total)).clamp_min(0)
    kept = (kept / kept.sum(dim=1, keepdim=True).clamp_min(1e-12)).to(values.dtype)
    mean = (kept * value).sum(dim=1)
    variance = (kept * (value - mean[:, None]).square()).sum(dim=1)
    return mean, (variance + 1e-12).sqrt()
