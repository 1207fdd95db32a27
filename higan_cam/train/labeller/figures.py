"""How well probabilities of a label fit labels that nothing was trained on, with 95% intervals.

Shares (accuracy, recall, precision) have Wilson's interval; F1, AUROC, calibration error and cross-entropy that of a
percentile bootstrap over the pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from higan_cam.label.labelled.evidence import wilson
from higan_cam.types import BoolArray, FloatArray, IntArray, Interval

RESAMPLES = 1000
BINS = 10
"""Equal steps of probability that the calibration error is summed over."""
_LEAST = 1e-12


@dataclass(frozen=True)
class Confusion:
    """How many are what, of those that pass a threshold (probability >= it) and those that do not."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def accuracy(self) -> Interval:
        """Share that is on the right side."""
        right = self.true_positive + self.true_negative
        return wilson(right, right + self.false_positive + self.false_negative)

    @property
    def recall(self) -> Interval:
        """Of label 1, the share that passes."""
        return wilson(self.true_positive, self.true_positive + self.false_negative)

    @property
    def precision(self) -> Interval:
        """Of what passes, the share of label 1."""
        return wilson(self.true_positive, self.true_positive + self.false_positive)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision; NaN where neither label 1 nor anything that passes is there."""
        errors = self.false_positive + self.false_negative
        return _ratio(2 * self.true_positive, 2 * self.true_positive + errors)


def confusion(probability: FloatArray, label: BoolArray, threshold: float) -> Confusion:
    """(N,) probabilities and labels -> counts."""
    passes = probability >= threshold
    counts = [int(np.sum(mask)) for mask in (passes & label, passes & ~label, ~passes & ~label, ~passes & label)]
    return Confusion(*counts)


def label_figures(probability: FloatArray, label: BoolArray, threshold: float, seed: int = 0) -> dict[str, Interval]:
    """(N,) probabilities and labels, N >= 1 -> every figure by name; NaN where one is not defined.

    `calibration_error` is that of `calibration_error`, in probability; `cross_entropy` in nats.
    """
    counts = confusion(probability, label, threshold)
    resampled: dict[str, Callable[[FloatArray, BoolArray], float]] = {
        "f1": lambda p, y: confusion(p, y, threshold).f1,
        "auroc": auroc,
        "calibration_error": calibration_error,
        "cross_entropy": cross_entropy,
    }
    source = np.random.Generator(np.random.Philox(seed))
    draws = source.integers(len(label), size=(RESAMPLES, len(label)))
    shares = {"accuracy": counts.accuracy, "recall": counts.recall, "precision": counts.precision}
    return shares | {name: _bootstrapped(figure, probability, label, draws) for name, figure in resampled.items()}


def auroc(probability: FloatArray, label: BoolArray) -> float:
    """(N,) and (N,) -> how often a picture of label 1 has the higher probability, ties half; NaN of one label alone."""
    ordered = np.sort(probability[~label])
    ones = probability[label]
    below = np.searchsorted(ordered, ones, "left") + np.searchsorted(ordered, ones, "right")
    return _ratio(float(below.sum()), 2 * len(ones) * len(ordered))


def calibration_error(probability: FloatArray, label: BoolArray) -> float:
    """Expected calibration error: |share of label 1 - mean probability| over equal steps, weighted by their pictures.

    It is above 0 for finite numbers of pictures also where the probabilities are right.
    """
    step = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    surplus = np.bincount(step, weights=label - probability, minlength=BINS)
    return float(np.abs(surplus).sum() / len(label))


def cross_entropy(probability: FloatArray, label: BoolArray) -> float:
    """Mean -log of the probability of the label, nats."""
    given = np.where(label, probability, 1 - probability)
    return float(-np.log(np.maximum(given, _LEAST)).mean())


def _bootstrapped(
    figure: Callable[[FloatArray, BoolArray], float], probability: FloatArray, label: BoolArray, draws: IntArray
) -> Interval:
    values = np.array([figure(probability[chosen], label[chosen]) for chosen in draws])
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (math.nan, math.nan)
    return Interval(figure(probability, label), float(low), float(high))


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.nan
