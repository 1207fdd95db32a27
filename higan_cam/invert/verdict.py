"""Whether a generator can draw a picture at all: thresholds from how well it draws its own.

A generator inverts its own samples better than anything else, so what no sample of its own falls below, less a margin
for what photos have and samples have not (noise, JPEG, furniture in other places), is what a picture must reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from higan_cam.config.pictures import InvertConfig
from higan_cam.invert.result import Inversion, Verdict
from higan_cam.types import FloatArray

TAIL = 0.01
"""Share of the generator's own samples that may be worse than the figure that thresholds start from."""
MARGIN_DB = 16.0
MARGIN_FEATURES = 8.0
"""How much worse than that tail a photo may be: dB, and a factor of the feature distance."""


@dataclass(frozen=True)
class Calibration:
    """How well a generator's own samples are drawn again.

    Attributes:
        samples: how many.
        psnr: dB that all but `TAIL` of them reach.
        feature_distance: that all but `TAIL` of them stay below; NaN where the scorer has no features.
        typical_psnr, typical_feature_distance: medians.
    """

    samples: int
    psnr: float
    feature_distance: float
    typical_psnr: float
    typical_feature_distance: float


@dataclass(frozen=True)
class Thresholds:
    """What a picture must reach: at least so many dB, and features no further apart than that."""

    min_psnr: float
    max_feature_distance: float

    def reasons(self, psnr: float, feature_distance: float) -> list[str]:
        """Why a picture is poor; none where it is not. Unknown features are no reason."""
        reasons = []
        if not psnr >= self.min_psnr:
            reasons.append(f"PSNR {psnr:.1f} dB, below {self.min_psnr:.1f} dB")
        if feature_distance > self.max_feature_distance:
            reasons.append(f"feature distance {feature_distance:.2f}, above {self.max_feature_distance:.2f}")
        return reasons


def calibration_of(own: Inversion) -> Calibration:
    """From the inversions of a generator's own samples, inverted as pictures will be."""
    known = own.feature_distance[np.isfinite(own.feature_distance)]
    return Calibration(
        samples=len(own),
        psnr=float(np.quantile(own.psnr, TAIL)),
        feature_distance=_quantile(known, 1 - TAIL),
        typical_psnr=float(np.median(own.psnr)),
        typical_feature_distance=_quantile(known, 0.5),
    )


def thresholds_of(config: InvertConfig, calibration: Calibration | None) -> Thresholds:
    """Numbers of the configuration as they are, `auto` from the calibration; without one, nothing is asked for."""
    lowest, furthest = -math.inf, math.inf
    if calibration is not None:
        lowest = calibration.psnr - MARGIN_DB
        furthest = MARGIN_FEATURES * calibration.feature_distance
    return Thresholds(
        lowest if config.min_psnr == "auto" else config.min_psnr,
        (math.inf if math.isnan(furthest) else furthest)
        if config.max_feature_distance == "auto"
        else config.max_feature_distance,
    )


def judged(inversion: Inversion, thresholds: Thresholds) -> Inversion:
    """The same with verdicts and reasons."""
    found = [
        thresholds.reasons(float(psnr), float(apart))
        for psnr, apart in zip(inversion.psnr, inversion.feature_distance, strict=True)
    ]
    verdicts: list[Verdict] = ["poor" if reasons else "ok" for reasons in found]
    return replace(inversion, verdict=tuple(verdicts), reason=tuple("; ".join(reasons) for reasons in found))


def _quantile(values: FloatArray | Sequence[Any], share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else math.nan
