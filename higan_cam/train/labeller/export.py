"""From finished folds to what they leave: weights, figures, predictions, a card."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.files import write_whole
from higan_cam.label.labelled.evidence import HeldOut, expected_above, expected_below
from higan_cam.label.labelled.scorer import LabellerFacts, mean_logit, save_labeller
from higan_cam.train.checkpoints import load_checkpoint
from higan_cam.train.files import json_text
from higan_cam.train.labeller.card import card
from higan_cam.train.labeller.examples import Examples, find_examples
from higan_cam.train.labeller.figures import label_figures
from higan_cam.train.labeller.fit import constant_loss, of_fold
from higan_cam.train.labeller.parts import CALIBRATION, HELD_OUT, parts_of
from higan_cam.train.labeller.settings import LabellerSettings
from higan_cam.types import BoolArray, FloatArray, IntArray, Interval
from higan_cam.weights.paths import LABELLER

FIGURES, CARD, PREDICTIONS = "metrics.json", "labeller.md", "predictions.csv"
HALF = 0.5
THRESHOLDS = (0.7, 0.8, 0.9, 0.95, 0.99)
"""Of filters by probability, whose precision is told."""
_HOTTEST = 5.0
"""Logarithm of the greatest temperature that is looked at."""


@dataclass(frozen=True, eq=False)
class Folded:
    """What the folds say of the labelled pictures.

    Attributes:
        logits: (K,N), NaN where a fold learned from the picture.
        parts: (N,); labels: (N,).
        states: of the classifiers.
        tried: of each fold, the least loss of each attempt.
        losses: of the kept weights, on the fold's own part.
    """

    logits: Tensor
    parts: IntArray
    labels: BoolArray
    states: Sequence[dict[str, Tensor]]
    tried: Sequence[list[float]]
    losses: Sequence[float]

    @property
    def learned(self) -> BoolArray:
        """(N,) which belong to a fold."""
        return np.asarray(self.parts >= 0)

    def of(self, part: int) -> tuple[Tensor, BoolArray]:
        """(K,M) logits and (M,) labels of `HELD_OUT` or `CALIBRATION`, from which no fold learned."""
        chosen = np.flatnonzero(self.parts == part)
        return self.logits[:, torch.from_numpy(chosen)], self.labels[chosen]

    def out_of_fold(self) -> Tensor:
        """(M,) logits of those of a fold, each by the fold that did not learn from it."""
        learned = torch.from_numpy(np.flatnonzero(self.learned))
        return self.logits[torch.from_numpy(self.parts)[learned], learned]


def finish_labeller(settings: LabellerSettings, examples: Examples | None = None) -> dict[str, Any]:
    """Write labeller.safetensors, metrics.json, predictions.csv and labeller.md; the contents of metrics.json.

    Args:
        examples: as of `fit_folds`.

    Raises:
        DataError: a fold is not finished. ConfigError: as `find_examples`.
    """
    examples = examples or find_examples(settings)
    folded = _folded(settings, examples)
    temperature = fit_temperature(*folded.of(CALIBRATION))
    apart, given = folded.of(HELD_OUT)
    logit = mean_logit(apart, temperature)
    held_out = HeldOut(_probability(logit), given)
    facts = LabellerFacts(
        attribute=settings.attribute,
        backbone=settings.backbone,
        side=settings.side,
        width=settings.width,
        folds=settings.folds,
        temperature=temperature,
    )
    output = Path(settings.output)
    save_labeller(output / LABELLER, facts, folded.states, (logit, torch.from_numpy(held_out.label)))
    figures = {**_figures(settings, folded, temperature, held_out), "unread": dict(examples.unread)}
    write_whole(output / FIGURES, json_text(figures))
    write_whole(output / PREDICTIONS, _predictions(examples, folded, temperature, held_out).encode())
    write_whole(output / CARD, card(settings, figures).encode())
    return figures


def fit_temperature(logits: Tensor, labels: BoolArray) -> float:
    """(K,N) logits and (N,) labels -> the temperature T > 0 at which the networks' mean probability fits best.

    All together, since their mean is less sure than each of them: a temperature that was fitted to single networks
    makes it too shy (Rahaman and Thiery 2021, arXiv:2007.08792). The least cross-entropy, by bounded search (Brent)
    over log T in [-5, 5], with a prior of log T, normal about 0 with a spread of 1: it weighs as much as one label, and
    keeps labels that are all told apart from asking for a temperature of 0, and for probabilities that never doubt.
    """
    given = torch.from_numpy(labels).double()
    exact = logits.double()

    def loss(log_temperature: float) -> float:
        fit = float(F.binary_cross_entropy_with_logits(mean_logit(exact, math.exp(log_temperature)), given))
        return fit + log_temperature**2 / (2 * len(labels))

    least = minimize_scalar(loss, bounds=(-_HOTTEST, _HOTTEST), method="bounded", options={"xatol": 1e-6})
    return math.exp(float(least.x))


def _folded(settings: LabellerSettings, examples: Examples) -> Folded:
    saved = [load_checkpoint(of_fold(settings, fold)) for fold in range(settings.folds)]
    ready = [each for each in saved if each is not None and each["logits"] is not None]
    if len(ready) < settings.folds:
        raise DataError(f"{settings.output}: {settings.folds - len(ready)} folds are not trained; repeat the command")
    return Folded(
        torch.stack([each["logits"] for each in ready]),
        parts_of(examples.labels, settings),
        examples.labels,
        [each["kept"][1] for each in ready],
        [each["tried"] for each in ready],
        [each["kept"][0] for each in ready],
    )


def _figures(settings: LabellerSettings, folded: Folded, temperature: float, held_out: HeldOut) -> dict[str, Any]:
    least = settings.accept * constant_loss(folded.labels)
    own = folded.labels[folded.learned]
    return {
        "facts": {
            "attribute": settings.attribute,
            "labels": len(folded.labels),
            "share of label 1": float(np.mean(folded.labels)),
            "held out": len(held_out.label),
            "for the temperature": int(np.sum(folded.parts == CALIBRATION)),
            "backbone": settings.backbone,
            "side in px": settings.side,
            "parameters of a fold": sum(value.numel() for value in folded.states[0].values()),
            "seed": settings.seed,
        },
        "folds": [
            {"attempts": len(tried), "loss": loss, "accepted": loss <= least, "losses": [_finite(x) for x in tried]}
            for tried, loss in zip(folded.tried, folded.losses, strict=True)
        ],
        "loss to be accepted": least,
        "temperature": temperature,
        "single networks, out of fold": _told(_probability(folded.out_of_fold() / temperature), own, settings.seed),
        "held out": _told(held_out.probability, held_out.label, settings.seed),
        "filters": _filters(held_out),
    }


def _told(probability: FloatArray, label: BoolArray, seed: int) -> dict[str, Any]:
    found = label_figures(probability, label, HALF, seed)
    return {name: _interval(estimate) for name, estimate in found.items()}


def _filters(held_out: HeldOut) -> list[dict[str, Any]]:
    """What filters at several thresholds are to be expected to keep."""
    asked = [("probability at least", expected_above, t) for t in THRESHOLDS]
    asked += [("probability at most", expected_below, round(1 - t, 4)) for t in THRESHOLDS]
    found = [(words, threshold, of(held_out, threshold)) for words, of, threshold in asked]
    return [
        {"filter": f"{words} {threshold:g}", "passing": each.passing, "precision": _interval(each.precision)}
        for words, threshold, each in found
    ]


def _predictions(examples: Examples, folded: Folded, temperature: float, held_out: HeldOut) -> str:
    """A line for each labelled picture: its probability by networks that did not learn from it."""
    probability = np.empty(len(folded.labels))
    probability[folded.parts == HELD_OUT] = held_out.probability
    probability[folded.parts == CALIBRATION] = _probability(mean_logit(folded.of(CALIBRATION)[0], temperature))
    probability[folded.learned] = _probability(folded.out_of_fold() / temperature)
    apart = {HELD_OUT: "held out", CALIBRATION: "calibration"}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index", "label", "part", "probability"])
    for name, label, part, value in zip(examples.names, folded.labels, folded.parts, probability, strict=True):
        writer.writerow([name, int(label), apart.get(int(part), f"fold {part}"), f"{value:.4f}"])
    return text.getvalue()


def _probability(logit: Tensor) -> FloatArray:
    found: FloatArray = torch.sigmoid(logit.double()).numpy()
    return found


def _interval(estimate: Interval) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in asdict(estimate).items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
