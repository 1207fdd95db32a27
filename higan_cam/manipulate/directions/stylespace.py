"""StyleSpace: one style channel at a time (Wu, Lischinski, Shechtman 2021, arXiv:2011.12799).

A channel is an offset e_c of the styles s = A w + b, and no direction of w: an edit that moves w moves what w can move.
So the channel is pulled back: delta = A^+ e_c is the smallest move of its row that comes nearest to e_c, with A all
styles that read the row, the outputs to RGB included. What comes of it is A delta = H e_c, H the projection onto A's
columns, whose entry h = H_cc is all there is to say: the channel moves by h in place of 1, the other styles together by
sqrt(h (1 - h)), and e_c is missed by sqrt(1 - h). h = 1 is the channel itself; small h, a mixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from higan_cam.types import FloatArray

LEAST_SINGULAR = 1e-4
"""Of the largest: below it, a combination of styles is taken for one that w does not move (weights may be 16-bit)."""


@dataclass(frozen=True, eq=False)
class Pullback:
    """C channels of one style layer as moves of the row that it reads.

    Attributes:
        moves: (C,D) the move for one unit of each channel; not of unit length.
        fidelity: (C,) h in [0,1]: 1 where the channel moves alone. The part of e_c that is missed is sqrt(1 - h).
        spread: (C,) standard deviation of each style over the codes given.
    """

    moves: FloatArray
    fidelity: FloatArray
    spread: FloatArray


def pulled_back(weights: Sequence[FloatArray], asked: int, codes: FloatArray) -> Pullback:
    """The channels of `weights[asked]` as least-squares moves of the row.

    Args:
        weights: (C_i,D) of every style layer that reads the row.
        asked: which of them.
        codes: (N,D) codes w, from which the spread of the styles is taken.
    """
    stacked = np.concatenate([each.astype(np.float64) for each in weights])
    first = sum(len(each) for each in weights[:asked])
    channels = slice(first, first + len(weights[asked]))
    with threadpool_limits(1, user_api="blas"):
        inverse = np.linalg.pinv(stacked, rcond=LEAST_SINGULAR)[:, channels]
        fidelity = np.einsum("cd,dc->c", stacked[channels], inverse)
        spread = (codes.astype(np.float64) @ stacked[channels].T).std(axis=0)
    return Pullback(inverse.T, np.clip(fidelity, 0, 1), spread)
