"""Whether a generator draws the same picture again and again, by pairs of samples that are too alike.

Few different pictures give pairs early, as few birthdays do: n samples of k pictures hold about n^2 / 2k equal pairs
(Arora and Zhang 2017, arXiv:1706.08224). What is too alike the real pictures say: nearer than nine tenths of the
closest pair of as many of them. Samples of less contrast are all nearer to each other, which is another fault, so the
bound shrinks with them, down to a third: what differs less than that is one picture.
"""

from __future__ import annotations

import math

import numpy as np

from higan_cam.measure.generation.alike import SAME, closest_pair, coarse, has_earlier, pairs_below, typical
from higan_cam.measure.generation.verdicts import CLEAN, Verdict, count_interval, not_measured
from higan_cam.types import ByteArray, FloatArray

NEARER = 0.9
"""Of the closest pair of reals."""
DRAWS = 5
"""Of reals, at most, each as many as samples are looked at."""
LEAST_REALS, LEAST_SAMPLES = 100, 50
LEAST_PAIRS = 3
FEW = 20
"""Different pictures for each sample that was looked at: a generator that draws no more than those has collapsed."""
LEAST_CONTRAST = 1 / 3
"""Of how far samples are apart, over how far reals are; below it they are taken for one picture."""
SHOWN = 24
"""Pairs in the evidence, the closest."""


def collapse(samples: ByteArray, reals: ByteArray, *, seed: int = 0) -> Verdict:
    """Pairs of samples that are too alike, and how many different pictures there are at most.

    The figure is the number of pairs. `support_at_most` is for the lower end of its interval, as if all pictures were
    drawn equally often. As many samples are looked at as half of the reals, so that the bound is of two draws or more.

    Args:
        samples, reals: (N,S,S,3) uint8, of one side; reals are training pictures, of which equal ones count once.

    Raises:
        DataError: other arrays.
    """
    name, rows, every = "collapse", coarse(samples), coarse(reals)
    known = _without_twins(every)
    if len(known) < LEAST_REALS or len(rows) < LEAST_SAMPLES:
        reason = (
            f"{LEAST_REALS} different real pictures and {LEAST_SAMPLES} samples are needed to say what is too alike; "
            f"there are {len(known)} and {len(rows)}."
        )
        return not_measured(name, reason)
    number = min(len(rows), len(known) // 2)
    draws = min(DRAWS, len(known) // number)
    order = np.random.Generator(np.random.Philox(key=(seed, 0))).permutation(len(known))
    bound = NEARER * min(closest_pair(known[order[turn * number :][:number]]) for turn in range(draws))
    contrast = min(1.0, typical(rows[:number]) / typical(known))
    bound *= contrast if contrast > LEAST_CONTRAST else 1
    distances, pairs = pairs_below(rows[:number], bound)
    found = count_interval(len(pairs))
    support = math.ceil(number * (number - 1) / (2 * found.low)) if len(pairs) else None
    fault = len(pairs) >= max(LEAST_PAIRS, number / (2 * FEW))
    twins = len(every) - len(known)
    said = [
        f"{len(pairs)} pairs of {number} samples are more alike than nine tenths of the closest pair of as many reals "
        f"({draws} draws)",
        *([f"as if of {support:,} equally likely pictures at most"] if fault else []),
        *([f"{twins} real pictures are repeated and counted once"] if twins else []),
    ]
    evidence = {
        "pairs": pairs[:SHOWN].tolist(),
        "distances": [round(float(distance), 5) for distance in distances[:SHOWN]],
        **{"bound": bound, "contrast": contrast, "samples": number, "draws_of_reals": draws},
        "support_at_most": support,
    }
    value, words = "collapsed" if fault else CLEAN, "; ".join(said) + "."
    return Verdict(name=name, value=value, figure=found.value, interval=found, evidence=evidence, words=words)


def _without_twins(rows: FloatArray) -> FloatArray:
    """(N,D) -> those that have no earlier one within `SAME`, in order: repeated pictures would make the bound 0."""
    unique: FloatArray = rows[~has_earlier(rows, SAME)]
    return unique
