"""What a code is asked to achieve: weighted terms by name, each one number per picture.

Terms of pictures are in `losses`; those of the code itself, which need no picture, are here. Shapes: n pictures, L rows
of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.errors import unknown_name
from higan_cam.invert.camera import reach, unrest
from higan_cam.invert.figures import code_distance, row_spread


@dataclass(frozen=True, eq=False)
class Trial:
    """One step of n pictures.

    Attributes:
        image: (n,3,S,S) what the generator draws, as the camera takes it, in [-1,1], not clamped.
        target: (n,3,S,S) the pictures.
        white: (n,L,D) codes in standard deviations.
        varies: (L,D) bool, the coordinates that vary at all.
        camera: (n,8) how the pictures were taken; None where nobody asks.
    """

    image: Tensor
    target: Tensor
    white: Tensor
    varies: Tensor
    camera: Tensor | None = None


Term = Callable[[Trial], Tensor]
"""A trial -> (n,) losses."""


def pixel(trial: Trial) -> Tensor:
    """Mean squared error in [-1,1], where the generator's picture reaches."""
    squares = (trial.image - trial.target).square().mean(dim=1)
    if trial.camera is None:
        return squares.mean(dim=(1, 2))
    seen = reach(trial.camera, squares.shape[-1])[:, 0]
    return (squares * seen).sum(dim=(1, 2)) / seen.sum(dim=(1, 2)).clamp(min=1)


def total_variation(trial: Trial) -> Tensor:
    """Mean absolute difference of neighbours, down plus across."""
    down = trial.image.diff(dim=2).abs().mean(dim=(1, 2, 3))
    return down + trial.image.diff(dim=3).abs().mean(dim=(1, 2, 3))


def prior(trial: Trial) -> Tensor:
    """Mean square of the code in standard deviations: what keeps it near the mean, and so editable."""
    return code_distance(trial.white, trial.varies)


def delta(trial: Trial) -> Tensor:
    """Mean square difference of the rows from their mean, in standard deviations; 0 for one row."""
    return row_spread(trial.white, trial.varies)


def camera(trial: Trial) -> Tensor:
    """Mean square of how far the camera is from the generator's own, in typical deviations; 0 without a camera."""
    return torch.zeros_like(trial.white[:, 0, 0]) if trial.camera is None else unrest(trial.camera)


TERMS: dict[str, Term] = {
    "pixel": pixel,
    "total_variation": total_variation,
    "prior": prior,
    "delta": delta,
    "camera": camera,
}


@dataclass(frozen=True)
class Objective:
    """The weighted sum of terms."""

    terms: tuple[tuple[float, Term], ...]

    def __call__(self, trial: Trial) -> Tensor:
        """(n,) losses."""
        return torch.stack([weight * term(trial) for weight, term in self.terms]).sum(dim=0)


def make_objective(weights: Mapping[str, float]) -> Objective:
    """The objective of `invert.losses`; terms without weight are left out.

    Raises:
        ConfigError: an unknown name.
    """
    for name in weights:
        if name not in TERMS:
            raise unknown_name("invert.losses", name, TERMS)
    return Objective(tuple((weight, TERMS[name]) for name, weight in weights.items() if weight))
