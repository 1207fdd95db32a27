"""Whether samples are copies of training pictures: nearer to one than pictures that nobody trained on are.

The measure of nearness is the held-out pictures' own: the closest hundredth of them to the training pictures. So a set
whose pictures are all alike does not count as copied.
"""

from __future__ import annotations

import math

import numpy as np

from higan_cam.measure.generation.alike import SAME, coarse, mirrored, nearest
from higan_cam.measure.generation.verdicts import CLEAN, TAIL, Verdict, not_measured, share_interval
from higan_cam.types import BoolArray, ByteArray, FloatArray, IntArray, Interval

CLOSEST = 0.01
"""Share of the held-out pictures that set how near is too near."""
LEAST = 20
"""Held-out pictures, samples and training pictures, each."""
SHOWN = 24
"""Pairs in the evidence, the closest."""


def copies(samples: ByteArray, training: ByteArray, held_out: ByteArray, *, mirror: bool = False) -> Verdict:
    """The share of samples that are copies, and whether it is more than held-out pictures would show.

    The figure is (share below the bound - share of held-out pictures below it) / (1 - the latter): 0 for samples that
    are no nearer than held-out pictures, 1 where all are copies. It is a fault where the interval of the samples' share
    is above that of the bound's own, which with few held-out pictures is wide.

    Args:
        samples, training, held_out: (N,S,S,3) uint8, of one side.
        mirror: whether training pictures were also shown mirrored; then their mirror images are compared with too.

    Raises:
        DataError: other arrays.
    """
    name = "copies"
    if len(held_out) < LEAST:
        reason = (
            f"cannot be said: {LEAST} held-out pictures are needed to know how near is near, there are {len(held_out)}."
        )
        return not_measured(name, reason)
    if min(len(samples), len(training)) < LEAST:
        return not_measured(name, f"{LEAST} samples and training pictures are needed.")
    rows, apart, known = coarse(samples), coarse(held_out), coarse(training)
    if mirror:
        known = np.concatenate([known, coarse(mirrored(training))])
    usual = np.sort(nearest(apart, known)[0])
    usual = usual[usual >= SAME]  # a held-out picture that is also among the training pictures sets no bound
    if len(usual) < LEAST:
        return not_measured(name, "cannot be said: the held-out pictures are among the training pictures as well.")
    rank = max(1, math.floor(CLOSEST * len(usual)))
    distances, which = nearest(rows, known)
    below = distances < usual[rank - 1]
    of_bound = _level(rank, len(usual))
    share = share_interval(int(below.sum()), len(rows))
    found = _excess(share, of_bound)
    fault = share.low > of_bound.high
    words = (
        f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}] of {len(rows)} samples are nearer to a training "
        f"picture than held-out pictures are, by the closest {rank} of {len(usual)} of them."
    )
    evidence = {**_pairs(distances, which, below, len(training)), "bound": float(usual[rank - 1])}
    value = "copies" if fault else CLEAN
    return Verdict(name=name, value=value, figure=found.value, interval=found, evidence=evidence, words=words)


def _level(rank: int, of: int) -> Interval:
    """Share of all held-out pictures there could be below the rank-th smallest of `of`: a Beta(rank, of + 1 - rank)."""
    from scipy.special import betaincinv

    ends = (float(betaincinv(rank, of + 1 - rank, part)) for part in (TAIL, 1 - TAIL))
    return Interval(rank / (of + 1), *ends)


def _excess(share: Interval, level: Interval) -> Interval:
    """How much of the share is above the level, with the doubt about both."""
    ends = ((share.value, level.value), (share.low, level.high), (share.high, level.low))
    return Interval(*(max(0.0, (part - usual) / (1 - usual)) for part, usual in ends))


def _pairs(distances: FloatArray, which: IntArray, below: BoolArray, count: int) -> dict[str, object]:
    """The closest pairs below the bound: (sample, training picture), distances, and which of them are mirror images."""
    order = np.argsort(distances, kind="stable")
    chosen = order[below[order]][:SHOWN]
    return {
        "pairs": [[int(one), int(which[one] % count)] for one in chosen],
        "mirrored": [bool(which[one] >= count) for one in chosen],
        "distances": [round(float(distances[one]), 5) for one in chosen],
    }
