"""The ways to fit a direction between weak and strong: a name -> function table over one seeded split.

Every method sees `train` and, to choose its own settings, `selection`. Nothing is fitted or chosen on `validation` and
`report` (one exception, said in `Split`), so that the figures taken there are unbiased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from higan_cam.config import BoundaryConfig
from higan_cam.manipulate.fit_metrics import spearman
from higan_cam.manipulate.linear_svm import linear_svm
from higan_cam.types import FloatArray

C_GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""SVM penalties that `C: auto` tries, for codes of unit variance; divided by the codes' own variance."""
RIDGE_GRID = tuple(10.0**power for power in range(-2, 6))
"""Ridge penalties for codes of unit variance; leave-one-out error chooses."""
MIN_SELECTION = 16
"""Fewer latents than this outside the tails cannot choose a setting."""


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Codes (n,D) with their scores (n,)."""

    codes: FloatArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: npt.NDArray[np.intp]) -> LabelledCodes:
        """The given rows, in that order."""
        return LabelledCodes(self.codes[rows], self.scores[rows])


@dataclass(frozen=True, eq=False)
class Split:
    """What is fitted on, what chooses, and what measures.

    Attributes:
        train, validation: of both tails; their sides are `train_sides`, `validation_sides` in {-1,+1}.
        selection, report: the two halves of the latents outside the tails. Where these are too few or all alike,
            `selection` is the validation tails (`selected_on` says so).
    """

    train: LabelledCodes
    train_sides: npt.NDArray[np.float64]
    validation: LabelledCodes
    validation_sides: npt.NDArray[np.float64]
    selection: LabelledCodes
    report: LabelledCodes
    selected_on: str


@dataclass(frozen=True, eq=False)
class Fit:
    """A hyperplane direction . x + intercept = 0, not normalised, and how it came about (JSON-compatible)."""

    direction: npt.NDArray[np.float64]
    intercept: float
    details: Mapping[str, Any] = field(default_factory=dict)


def split(highest: LabelledCodes, lowest: LabelledCodes, rest: LabelledCodes, fraction: float, seed: int) -> Split:
    """Each tail into `fraction` and the remainder (at least one each), the rest into halves; the seed alone decides."""
    high_train, high_validation = _divided(highest, fraction, seed, 0)
    low_train, low_validation = _divided(lowest, fraction, seed, 1)
    validation = _together(high_validation, low_validation)
    selection, report, selected_on = validation, rest, "validation tails"
    if len(rest) >= 2 * MIN_SELECTION:
        halves = _divided(rest, 0.5, seed, 2)
        if all(np.ptp(half.scores) > 0 for half in halves):
            (selection, report), selected_on = halves, "outside the tails"
    return Split(
        train=_together(high_train, low_train),
        train_sides=_sides(high_train, low_train),
        validation=validation,
        validation_sides=_sides(high_validation, low_validation),
        selection=selection,
        report=report,
        selected_on=selected_on,
    )


def fit_mean_difference(data: Split, _config: BoundaryConfig) -> Fit:
    """From the mean of the weak to the mean of the strong; the plane halves the way between them."""
    positive = data.train.codes[data.train_sides > 0].mean(axis=0, dtype=np.float64)
    negative = data.train.codes[data.train_sides < 0].mean(axis=0, dtype=np.float64)
    return _halfway(data, positive - negative, {})


def fit_svm(data: Split, config: BoundaryConfig) -> Fit:
    """Soft-margin linear SVM on the training tails; `C: auto` takes the C whose signed distance ranks `selection` best.

    Of equally good ones the smallest C wins.
    """
    if config.C != "auto":
        return _svm(data, config.C)
    variance = float(data.train.codes.var(axis=0, dtype=np.float64).mean())
    fits = [_svm(data, value / variance if variance > 0 else value) for value in C_GRID]
    ranks = [spearman(data.selection.codes @ fit.direction, data.selection.scores) for fit in fits]
    best = int(np.argmax([-2.0 if rank is None else rank for rank in ranks]))
    tried = [{"C": fit.details["C"], "spearman_selection": rank} for fit, rank in zip(fits, ranks, strict=True)]
    details = {"C": fits[best].details["C"], "C_tried": tried, "C_selected_on": data.selected_on}
    return Fit(fits[best].direction, fits[best].intercept, details)


def fit_ridge(data: Split, _config: BoundaryConfig) -> Fit:
    """Ridge regression of the score on the codes, over the training tails and `selection` (Hoerl & Kennard 1970).

    The penalty has the least leave-one-out error; the plane halves the way between the means of the training tails.
    """
    from sklearn.linear_model import RidgeCV

    outside = data.selected_on == "outside the tails"
    samples = _together(data.train, data.selection) if outside else data.train
    codes = np.asarray(samples.codes, dtype=np.float64)
    scale = float(codes.std(axis=0).mean()) or 1.0
    model = RidgeCV(alphas=RIDGE_GRID).fit(codes / scale, np.asarray(samples.scores, dtype=np.float64))
    details = {"alpha": float(model.alpha_) * scale**2, "fitted_samples": len(samples)}
    return _halfway(data, np.asarray(model.coef_, dtype=np.float64) / scale, details)


METHODS: dict[str, Callable[[Split, BoundaryConfig], Fit]] = {
    "svm": fit_svm,
    "mean_difference": fit_mean_difference,
    "ridge": fit_ridge,
}


def _svm(data: Split, penalty: float) -> Fit:
    direction, intercept = linear_svm(data.train.codes, data.train_sides, penalty)
    return Fit(direction, intercept, {"C": penalty})


def _halfway(data: Split, direction: npt.NDArray[np.float64], details: Mapping[str, Any]) -> Fit:
    along = data.train.codes @ direction
    middle = 0.5 * (along[data.train_sides > 0].mean() + along[data.train_sides < 0].mean())
    return Fit(direction, -float(middle), details)


def _divided(samples: LabelledCodes, fraction: float, seed: int, stream: int) -> tuple[LabelledCodes, LabelledCodes]:
    key = np.array([seed, stream], dtype=np.uint64)
    order = np.random.Generator(np.random.Philox(key=key)).permutation(len(samples))
    first = min(max(round(fraction * len(samples)), 1), len(samples) - 1)
    return samples.take(order[:first]), samples.take(order[first:])


def _together(a: LabelledCodes, b: LabelledCodes) -> LabelledCodes:
    return LabelledCodes(np.concatenate([a.codes, b.codes]), np.concatenate([a.scores, b.scores]))


def _sides(high: LabelledCodes, low: LabelledCodes) -> npt.NDArray[np.float64]:
    return np.repeat([1.0, -1.0], [len(high), len(low)])
