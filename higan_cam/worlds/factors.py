"""Factors of a procedural world: each is a clipped linear functional of the latent z.

Piecewise-linear factors are the point: a leaky-ReLU mapping network can represent `clip(slope * (row . z) + shift, low,
high)` exactly, so the mapping of a generator that is distilled from a world is built from its factors, not learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

STEEPNESS = 40.0
"""Slope of yes-or-no factors: about 1% of them lie in between."""


@dataclass(frozen=True, eq=False)
class FactorSpec:
    """One factor of a scene: clip(slope * (weights . z) + shift, low, high).

    Attributes:
        name: unique in its world.
        weights: (Z,) float64 linear functional of z.
        slope, shift, low, high: of the clip.
        role: which part of the scene it sets.
    """

    name: str
    weights: Float64Array
    slope: float
    shift: float
    low: float
    high: float
    role: str


class Factors:
    """All factors of a world, evaluated together."""

    def __init__(self, specs: Sequence[FactorSpec]) -> None:
        self._weights = np.stack([spec.weights for spec in specs])
        self._rest = np.array([(spec.slope, spec.shift, spec.low, spec.high) for spec in specs]).T

    def __call__(self, z: npt.ArrayLike) -> Float32Array:
        """(N,Z) latents of length sqrt(Z) -> (N,F) float32 factor values, columns in the order of the specs.

        Raises:
            ValueError: z is not (N,Z).
        """
        latents, z_dim = np.asarray(z, dtype=np.float64), self._weights.shape[1]
        if latents.ndim != 2 or latents.shape[1] != z_dim:
            raise ValueError(f"z must have shape (N,{z_dim}), got {latents.shape}")
        slope, shift, low, high = self._rest
        values: Float32Array = np.clip(latents @ self._weights.T * slope + shift, low, high).astype(np.float32)
        return values


def orthonormal_rows(count: int, z_dim: int, seed: int) -> Float64Array:
    """(count,Z) orthonormal rows, the same on every machine up to rounding: QR with the signs of R made positive."""
    gaussian = np.random.Generator(np.random.Philox(seed)).standard_normal((z_dim, z_dim))
    q, r = np.linalg.qr(gaussian)
    rows: Float64Array = (q * np.sign(np.diag(r))).T[:count].copy()
    return rows


def binary(probability: float) -> tuple[float, float]:
    """(slope, shift) of a steep clip that is 1 with the given probability for a standard normal input."""
    threshold = NormalDist().inv_cdf(1.0 - probability)
    return STEEPNESS, 0.5 - STEEPNESS * threshold


def check_resolution(resolution: int) -> None:
    """ValueError unless the resolution is a positive multiple of 32 px."""
    if resolution <= 0 or resolution % 32:
        raise ValueError(f"resolution must be a positive multiple of 32 px, got {resolution}")
