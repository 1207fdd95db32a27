"""Which pixels the score's change comes from, integrated along the edit (path attribution), and its one-point limit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.mask.heat import image_gradient, one_sign, resize_maps, shared_prefix, smooth, unit_peak
from higan_cam.mask.rounding import picture_change, where_pictures_change
from higan_cam.types import Generator, Scorer, Sign

SMOOTHING_SIGMA = 1.0
"""Pixels of the image. A scorer's gradient carries the checkerboard of its strides; a pixel of blur removes it."""


def path_signed(generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor, steps: int) -> Tensor:
    """(N,H,W) signed contributions at the image's own size, which sum to about score(positive) - score(negative).

    Integrated gradients (Sundararajan, Taly, Yan 2017, eq. 1) along the images of the straight line in w+, I_0 … I_K,
    instead of along a straight line between images: sum over k of d score / d image at (I_k + I_{k+1}) / 2, times
    I_{k+1} - I_k, summed over RGB. The midpoint rule is exact for scores quadratic in the image; its error falls with
    1 / K^2 for smooth scores, and about with 1 / K where ReLUs and clamps switch. Cost: K + 1 syntheses from the first
    edited row on, K scorer passes with gradient.

    Args:
        negative, positive: (N,L,w_dim) codes of both ends. Swapping them negates the result.
        steps: K >= 1.
    """
    return _along_path(generator, scorer, negative, positive, steps)[0]


def _along_path(
    generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """`path_signed`, and (N,) how much the pictures change from step to step, summed (`picture_change`)."""
    with torch.no_grad():
        state = shared_prefix(generator, negative, positive)
        image, _ = generator.synthesize(negative, start=state)
        total, moved = torch.zeros_like(image[:, 0]), torch.zeros_like(image[:, 0, 0, 0])
        for step in range(1, steps + 1):
            following, _ = generator.synthesize(torch.lerp(negative, positive, step / steps), start=state)
            gradient = image_gradient(scorer, (image + following) / 2)
            total += (gradient * (following - image)).sum(dim=1)
            moved += picture_change(image, following)
            image = following
    return total, moved


def jvp_signed(generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Tensor:
    """(N,H,W) signed: d score / d image x d image / d t at the middle of the line between the codes, summed over RGB.

    `path_signed` in the limit of an infinitely short path, scaled to the whole. The image's derivative is exact
    (forward-mode differentiation). Cost: one synthesis with tangents, about two plain ones, and one scorer gradient.
    """
    return _at_middle(generator, scorer, negative, positive)[0]


def _at_middle(generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """`jvp_signed`, and (N,) the largest change of any value of the picture at the middle's rate."""
    with torch.no_grad(), warnings.catch_warnings():
        # torch loads its forward-mode rules through its own deprecated torch.jit.script.
        warnings.simplefilter("ignore", FutureWarning)
        state = shared_prefix(generator, negative, positive)
        image, tangent = torch.func.jvp(
            lambda codes: generator.synthesize(codes, start=state)[0],
            (torch.lerp(negative, positive, 0.5),),
            (positive - negative,),
        )[:2]
        signed: Tensor = (image_gradient(scorer, image) * tangent).sum(dim=1)
    return signed, tangent.abs().amax(dim=(1, 2, 3))


def contribution_heat(signed: Tensor, moved: Tensor, map_size: int, sign: Sign) -> Tensor:
    """(N,H,W) contributions to the score -> (N,map_size,map_size) heat in [0,1]: smoothed, `one_sign`, peak 1.

    With s smoothed: max(s, 0) is what raises the score, max(-s, 0) what lowers it, |s| both. Zeros where the pictures
    do not change (`where_pictures_change` of the (N,) `moved`).
    """
    heat = one_sign(smooth(signed, SMOOTHING_SIGMA), sign)
    return unit_peak(resize_maps(where_pictures_change(heat, moved), map_size))


@dataclass(frozen=True)
class Path:
    """One sign of `path_signed`.

    Attributes:
        steps: K, steps between the ends.
        map_size: side of the heat map, pixels.
        sign: what raises the score (positive), what lowers it (negative), or both.
    """

    steps: int = 6
    map_size: int = 256
    sign: Sign = "positive"

    def __call__(self, generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        contributions = _along_path(generator, scorer, negative, positive, self.steps)
        return contribution_heat(*contributions, self.map_size, self.sign)


@dataclass(frozen=True)
class Jvp:
    """One sign of `jvp_signed`.

    Attributes:
        map_size: side of the heat map, pixels.
        sign: what raises the score (positive), what lowers it (negative), or both.
    """

    map_size: int = 256
    sign: Sign = "positive"

    def __call__(self, generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        return contribution_heat(*_at_middle(generator, scorer, negative, positive), self.map_size, self.sign)
