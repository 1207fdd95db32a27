"""SeFa: closed-form factorisation (Shen and Zhou 2021, arXiv:2007.06600, eqs. 4 to 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from higan_cam.errors import ConfigError
from higan_cam.manipulate.directions.direction import Direction, named, oriented
from higan_cam.types import FloatArray


def sefa(
    weights: Sequence[FloatArray], count: int, layers: tuple[int, ...], rows: int, *, unit_rows: bool = False
) -> list[Direction]:
    """The unit vectors along which the styles change most: eigenvectors of A^T A, the largest eigenvalues first.

    Nothing is sampled and no picture is drawn. Eigenvalues that are equal leave their vectors open.

    Args:
        weights: (C_i,D) style matrices of the layers, stacked to A.
        count: directions, at most D.
        layers: rows of w+ that they belong to, of `rows` that there are.
        unit_rows: scale each row of A to length 1 first, as the authors' code does and the paper does not.

    Returns:
        `figures`: eigenvalue (squared change of the styles per code unit), share of the sum of all D of them.

    Raises:
        ConfigError: more directions than D, or no style weights on these layers.
    """
    if not weights:
        raise ConfigError(f"sefa: no style layer reads rows {layers}; name others with --layers")
    stacked = np.concatenate([each.astype(np.float64) for each in weights])
    if not 0 < count <= stacked.shape[1]:
        raise ConfigError(f"sefa: w has {stacked.shape[1]} dimensions and so as many directions, got --count {count}")
    if unit_rows:
        lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
        stacked = stacked / np.where(lengths > 0, lengths, 1)
    with threadpool_limits(1, user_api="blas"):
        values, vectors = np.linalg.eigh(stacked.T @ stacked)
    total = float(values.sum())
    order = np.argsort(-values, kind="stable")[:count]
    return [
        Direction(
            oriented(vectors[:, column]),
            layers,
            named("sefa", number, layers, rows),
            "sefa",
            {"eigenvalue": float(values[column]), "share": float(values[column]) / total},
        )
        for number, column in enumerate(order)
    ]
