"""How well a direction orders and separates labelled codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from higan_cam.types import FloatArray


def spearman(a: FloatArray, b: FloatArray) -> float | None:
    """Rank correlation of two (n,) arrays in [-1,1], ties at their mean rank (Spearman 1904).

    None where it is not defined: fewer than 3 samples, or one array is constant.
    """
    if len(a) < 3:
        return None
    x, y = _centred_ranks(a), _centred_ranks(b)
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 0 else None


def tail_accuracy(distances: FloatArray, sides: FloatArray) -> float:
    """Share of (n,) signed distances on the right side; sides are -1 or +1, and a distance of 0 counts as negative."""
    return float(np.mean(np.where(distances > 0, 1, -1) == sides))


def cosine(a: FloatArray, b: FloatArray) -> float:
    """Cosine of two (D,) vectors in [-1,1]; 0 when one of them has no length."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1, 1)) if lengths > 0 else 0.0


def _centred_ranks(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    ranks: npt.NDArray[np.float64] = mean_rank[group] - (len(values) + 1) / 2
    return ranks
