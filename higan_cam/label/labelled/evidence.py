"""What is to be expected of a labeller, from pictures that were held out: shares with Wilson's interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from higan_cam.types import BoolArray, FloatArray, Interval


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Pictures that neither trained nor stopped anything.

    Attributes:
        probability: (N,) calibrated probability of label 1.
        label: (N,) the label that was given.
    """

    probability: FloatArray
    label: BoolArray


@dataclass(frozen=True)
class Expected:
    """What a filter by probability keeps.

    Attributes:
        precision: share of the right label among what passes; NaN where nothing does.
        passing: held-out pictures that pass.
        held_out: all of them.
    """

    precision: Interval
    passing: int
    held_out: int

    @property
    def words(self) -> str:
        """For people: `precision 97.1% [93.4, 98.8]`."""
        if not self.passing:
            return f"precision unknown: none of the {self.held_out} held-out labels passes"
        low, value, high = (100 * part for part in (self.precision.low, self.precision.value, self.precision.high))
        return f"precision {value:.1f}% [{low:.1f}, {high:.1f}], from {self.passing} of {self.held_out} held-out labels"

    def to_json(self) -> dict[str, Any]:
        """The figures and `words`; null for what is not defined."""
        value, low, high = self.precision.value, self.precision.low, self.precision.high
        figures = {"precision": value if self.passing else None, "low": low, "high": high}
        return {"words": self.words, **figures, "passing": self.passing, "held_out": self.held_out}


def wilson(successes: int, trials: int) -> Interval:
    """A share with its 95% score interval (Wilson 1927); NaN and [0,1] without trials.

    Raises:
        ValueError: more successes than trials, or fewer than none.
    """
    from scipy.stats import binomtest  # half a second, which whatever else imports scorers would wait for

    if not 0 <= successes <= trials:
        raise ValueError(f"expected 0 <= successes <= trials, got {successes} of {trials}")
    if trials == 0:
        return Interval(math.nan, 0.0, 1.0)
    ends = binomtest(successes, trials).proportion_ci(method="wilson")
    return Interval(successes / trials, float(ends.low), float(ends.high))


def expected_above(held_out: HeldOut, threshold: float) -> Expected:
    """Of those with a probability >= threshold: the share that has label 1."""
    return _expected(held_out.probability >= threshold, held_out.label)


def expected_below(held_out: HeldOut, threshold: float) -> Expected:
    """Of those with a probability <= threshold: the share that has label 0."""
    return _expected(held_out.probability <= threshold, ~held_out.label)


def _expected(passes: BoolArray, right: BoolArray) -> Expected:
    passing = int(passes.sum())
    return Expected(wilson(int(np.sum(passes & right)), passing), passing, len(passes))
