"""Scores of any scale on one from 0 to 3, by the quartiles of the run's own labels.

With q1 < q2 < q3 the quartiles of the raw scores and t = (raw - q2) / (q3 - q2) above q2, (raw - q2) / (q2 - q1) below
it: score = 1.5 (1 + t / (1 + |t|)). So q1, q2 and q3 become 0.75, 1.5 and 2.25, four equal levels hold a quarter of the
generator's pictures each, and the order stays as it was. Far out the score nears an end of the scale as 1 / t, not
exponentially: long tails keep an order and a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.types import Boundary, FloatArray, Scorer

SCALE = (0.0, 3.0)
QUARTILES_KEY = "score_quartiles"
"""Where a boundary's metrics keep them."""
Quartiles = tuple[float, float, float]


class CalibratedScorer(nn.Module):
    """A scorer whose scores are read on the scale from 0 to 3. Satisfies the `Scorer` protocol.

    Args:
        raw: the scorer.
        quartiles: raw scores that become 0.75, 1.5 and 2.25; rising.
    """

    score_range = SCALE

    def __init__(self, raw: Scorer, quartiles: Quartiles) -> None:
        super().__init__()
        self.attribute = raw.attribute
        self.raw = cast(nn.Module, raw)
        self.quartiles = quartiles

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`."""
        return self.on_scale(cast(Scorer, self.raw).score(image))

    def on_scale(self, raw: Tensor) -> Tensor:
        """(N,) scores of the scorer's own -> (N,) on the scale from 0 to 3."""
        low, middle, high = self.quartiles
        distance = raw - middle
        steps = torch.where(distance > 0, distance / (high - middle), distance / (middle - low))
        return SCALE[1] / 2 * (1 + steps / (1 + steps.abs()))


def needs_quartiles(config: ScorerConfig, scorer: Scorer) -> bool:
    """Whether the configuration wants scores on the scale from 0 to 3.

    Raises:
        ConfigError: it wants the scorer's own scale, and that has no bounds to divide into levels.
    """
    bounded = all(math.isfinite(end) for end in scorer.score_range)
    if config.scale == "own" and not bounded:
        raise ConfigError(
            f"scorer.scale: own, but scores of {scorer.attribute!r} have no bounds; leave it null for quartiles"
        )
    return config.scale == "quartiles" or not bounded


def final_range(config: ScorerConfig, scorer: Scorer) -> tuple[float, float]:
    """Bounds of the scores that samples carry."""
    return SCALE if needs_quartiles(config, scorer) else scorer.score_range


def calibrated(scorer: Scorer, metrics: Mapping[str, Any]) -> Scorer:
    """The scorer on the scale that samples carry: 0 to 3 with quartiles in the boundary's metrics, else its own."""
    quartiles = metrics.get(QUARTILES_KEY)
    if quartiles is None:
        return scorer
    low, middle, high = (float(value) for value in quartiles)
    return CalibratedScorer(scorer, (low, middle, high))


def with_quartiles(boundary: Boundary, config: ScorerConfig, scorer: Scorer, scores: FloatArray) -> Boundary:
    """The boundary with the quartiles of the run's first (n,) labels in its metrics, where `scorer.scale` wants them.

    Raises:
        DataError: the labels have no quartiles.
    """
    metrics = {key: value for key, value in boundary.metrics.items() if key != QUARTILES_KEY}
    if needs_quartiles(config, scorer):
        metrics[QUARTILES_KEY] = list(measure_quartiles(scores))
    return replace(boundary, metrics=metrics)


def measure_quartiles(scores: FloatArray) -> Quartiles:
    """The quartiles of (N,) raw scores.

    Raises:
        DataError: fewer than four scores are finite, or two quartiles coincide.
    """
    finite = scores[np.isfinite(scores)].astype(np.float64)
    if len(finite) < 4:
        raise DataError(f"scorer.scale: quartiles of {len(finite)} finite scores; label more latents")
    low, middle, high = (float(value) for value in np.quantile(finite, (0.25, 0.5, 0.75)))
    if not low < middle < high:
        raise DataError(
            f"scorer.scale: a quarter of the scores are equal or more (quartiles {low:g}, {middle:g}, {high:g}); "
            "choose a scorer that varies with the pictures, or scorer.scale=own where it has bounds"
        )
    return low, middle, high


def lacks_labels(config: ScorerConfig, scorer: Scorer) -> str | None:
    """What a scorer whose NaN says that a picture has no label is called in messages; None where NaN is a fault."""
    return config.describe() if getattr(scorer, "may_lack", False) else None
