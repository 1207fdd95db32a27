"""Frequencies that samples have and pictures have not, such as the grid that upsampling leaves (Durall et al. 2020,
arXiv:2003.01826): where those stand out, a network that looks at the samples sees the grid and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from higan_cam.types import BoolArray, FloatArray

HIGHEST = 8
"""Frequencies that are furthest above the usual, whose mean counts."""
USUAL = 0.99
"""Share of other pictures of the kind that stay below the bound."""
FLOOR = 1e-2
"""Power that is none."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What is usual.

    Attributes:
        middle, spread: (F,) of the logarithm of the power at each frequency, over pictures.
        bound: the mean of the `HIGHEST` deviations, in units of `spread`, that `USUAL` of other pictures stay below.
    """

    middle: FloatArray
    spread: FloatArray
    bound: float

    def strange(self, images: FloatArray) -> BoolArray:
        """(N,3,S,S) in [-1,1], S that of the pictures it was made from -> (N,) whether a picture is above the bound."""
        above: BoolArray = _peaks(_power(images), self.middle, self.spread) > self.bound
        return above


def usual_spectrum(images: FloatArray, others: FloatArray) -> Spectrum:
    """From pictures (N,3,S,S), and the bound from others (M,3,S,S) of the kind, in [-1,1]."""
    powers = _power(images)
    middle, spread = powers.mean(axis=0), powers.std(axis=0) + 1e-3
    return Spectrum(middle, spread, float(np.quantile(_peaks(_power(others), middle, spread), USUAL)))


def _power(images: FloatArray) -> FloatArray:
    """(N,F) logarithm of the power, mean over the channels."""
    about = images - images.mean(axis=(2, 3), keepdims=True)
    powers: FloatArray = np.log((np.abs(np.fft.rfft2(about)) ** 2).mean(axis=1) + FLOOR)
    return powers.reshape(len(images), -1)


def _peaks(powers: FloatArray, middle: FloatArray, spread: FloatArray) -> FloatArray:
    above = np.partition((powers - middle) / spread, -HIGHEST, axis=1)[:, -HIGHEST:]
    means: FloatArray = above.mean(axis=1)
    return means
