"""HiGAN's rescoring (Yang, Shen, Zhou 2020, section 3.2, eq. 2): does the score follow the boundary, and through which
layers?

delta = mean over samples of max(score(moved) - score(original), 0), once with all layers moved and once per layer with
that layer alone. Shapes: N samples, L rows of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.types import FloatArray

DISTANCE = 2.0
"""Code units that HiGAN moves by."""


@dataclass(frozen=True, eq=False)
class Relevance:
    """How much a score rises along a boundary.

    Attributes:
        overall: with every layer moved.
        layers: (L,) with one layer moved alone.
        scores: (N,2+L): original, all layers moved, then one layer moved.
    """

    overall: float
    layers: FloatArray
    scores: FloatArray

    def carriers(self, share: float = 0.8) -> tuple[int, ...]:
        """The fewest layers that together make up `share` of the sum over layers, in the generator's order.

        Empty where no layer raises the score at all.
        """
        order = np.argsort(-self.layers, kind="stable")
        total = np.cumsum(self.layers[order])
        if not total[-1] > 0:
            return ()
        needed = int(np.searchsorted(total, share * total[-1] * (1 - 1e-6))) + 1
        return tuple(sorted(int(layer) for layer in order[:needed]))


def rescore(
    score: Callable[[Tensor], Tensor], w_plus: Tensor, direction: Tensor, distance: float = DISTANCE
) -> Relevance:
    """`relevance` of the `layer_scores`; arguments as there, with one score per code."""
    return relevance(layer_scores(score, w_plus, direction, distance))


def layer_scores(
    score: Callable[[Tensor], Tensor], w_plus: Tensor, direction: Tensor, distance: float = DISTANCE
) -> FloatArray:
    """(N,2+L) or (N,2+L,S): scores of the codes as they are, moved on all layers, and moved on each layer alone.

    Args:
        score: (N,L,D) codes -> (N,) scores of their images, or (N,S) of S scorers.
        w_plus: (N,L,D) truncated codes.
        direction: (L,D) change per unit distance, as `edit_direction` makes it.
        distance: code units.
    """
    step = distance * direction
    columns = [score(w_plus), score(w_plus + step)]
    for layer in range(w_plus.shape[1]):
        alone = torch.zeros_like(step)
        alone[layer] = step[layer]
        # A row that does not move needs no forward pass.
        columns.append(score(w_plus + alone) if alone.any() else columns[0])
    scores: FloatArray = torch.stack(columns, dim=1).float().cpu().numpy()
    return scores


def relevance(scores: FloatArray) -> Relevance:
    """(N,2+L) scores (original, all moved, each layer moved; L may be 0) -> their mean positive rises.

    Samples with a score that is NaN or infinite are left out.

    Raises:
        DataError: that leaves none.
    """
    known = np.isfinite(scores).all(axis=1)
    if not known.any():
        raise DataError(f"scores: each of {len(scores)} rescored samples has a NaN or infinite one; check the scorer")
    scores = scores[known]
    rises = np.maximum(scores[:, 1:] - scores[:, :1], 0).mean(axis=0)
    return Relevance(float(rises[0]), rises[1:], scores)


def entanglement(scores: FloatArray) -> FloatArray:
    """(B,N,2,S) scores of N samples by S scorers, as they are and moved along each of B boundaries -> (B,S).

    Entry (b,s): mean change of score s along boundary b, in standard deviations of that score over the samples as they
    are, so that scores of different units compare. A score that does not vary has 0. Samples that a scorer has no
    number for, as they are or moved, are left out of its mean; NaN where that leaves none.
    """
    columns = [_entangled(scores[..., number]) for number in range(scores.shape[-1])]
    return np.stack(columns, axis=1)


def _entangled(scores: FloatArray) -> FloatArray:
    """(B,N,2) scores by one scorer -> (B,)."""
    own = scores[0, :, 0]
    spread = own[np.isfinite(own)].std() if np.isfinite(own).any() else 0.0
    known = [each[np.isfinite(each).all(axis=1)] for each in scores]
    change = np.array([(each[:, 1] - each[:, 0]).mean() if len(each) else np.nan for each in known], scores.dtype)
    return change / spread if spread > 0 else np.zeros_like(change)
