"""Whether a generator can draw a picture at all: thresholds from how well it draws its own.

A generator inverts its own samples better than anything else, so what no sample of its own falls below, less a margin
for what photos have and samples have not (noise, JPEG, furniture in other places), is what a picture must reach. Where
its own samples are drawn badly already that margin asks for nothing. So a picture must also be nearer to what was drawn
of it than one sample is to another that has nothing to do with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
        strangers: feature distance of one sample from the next, which has nothing to do with it: the median. NaN
            without features, and where it was not measured.
    """

    samples: int
    psnr: float
    feature_distance: float
    typical_psnr: float
    typical_feature_distance: float
    strangers: float = math.nan

    def to_json(self) -> dict[str, float | None]:
        """Plain values for `json.dumps`, null for NaN."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> Calibration:
        """The way back."""
        known: dict[str, Any] = {name: math.nan if value is None else value for name, value in values.items()}
        return Calibration(**known)


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


def calibration_of(own: Inversion, strangers: float = math.nan) -> Calibration:
    """From the inversions of a generator's own samples, inverted as pictures will be; `strangers` as there."""
    known = own.feature_distance[np.isfinite(own.feature_distance)]
    return Calibration(
        samples=len(own),
        psnr=float(np.quantile(own.psnr, TAIL)),
        feature_distance=_quantile(known, 1 - TAIL),
        typical_psnr=float(np.median(own.psnr)),
        typical_feature_distance=_quantile(known, 0.5),
        strangers=strangers,
    )


def thresholds_of(config: InvertConfig, calibration: Calibration | None) -> Thresholds:
    """Numbers of the configuration as they are, `auto` from the calibration; without one, nothing is asked for."""
    lowest, furthest = -math.inf, math.inf
    if calibration is not None:
        lowest = calibration.psnr - MARGIN_DB
        distances = (MARGIN_FEATURES * calibration.feature_distance, calibration.strangers)
        furthest = min((each for each in distances if not math.isnan(each)), default=math.inf)
    return Thresholds(
        lowest if config.min_psnr == "auto" else config.min_psnr,
        furthest if config.max_feature_distance == "auto" else config.max_feature_distance,
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
