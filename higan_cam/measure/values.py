"""What the mask benchmark measured, as frozen values that go into JSON, and how sure it is of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from higan_cam.types import FloatArray, Interval

RESAMPLES = 4000
CONFIDENCE = 0.95
METRICS = ("average_precision", "iou", "best_iou", "pointing", "lamp_recall")
AGAINST = ("over_prior", "over_image_difference")
"""Average precision minus that of the best prior, and minus that of the image difference, picture by picture."""


@dataclass(frozen=True)
class MethodResult:
    """One attribution, or prior, against one truth.

    Attributes:
        estimates: by name, `METRICS` and `AGAINST`. iou is that of the shipped regions' union mask, best_iou that of
            the heat map cut at `best_threshold`, pointing the share of pictures whose hottest pixel lies on the truth
            (within 4% of the width), lamp_recall the share of visible lamps whose shade the union mask half covers.
        best_threshold: the share of the peak with the highest mean IoU over all pictures (chosen on these pictures).
        milliseconds: wall-clock per picture on one device; None for priors.
    """

    method: str
    prior: bool
    estimates: Mapping[str, Interval]
    best_threshold: float
    milliseconds: float | None


@dataclass(frozen=True)
class RegionSettingResult:
    """The masks that one attribution gives under one setting of the regions.

    Attributes:
        estimates: iou and lamp_recall as in `MethodResult`, and coverage, the share of the picture under the mask.
    """

    method: str
    setting: str
    estimates: Mapping[str, Interval]


@dataclass(frozen=True)
class TruthResult:
    """All methods against one truth; `share` is the mean share of the picture that it covers."""

    truth: str
    meaning: str
    share: float
    best_prior: str
    methods: tuple[MethodResult, ...]
    regions: tuple[RegionSettingResult, ...]

    def __getitem__(self, method: str) -> MethodResult:
        """The row of a method; KeyError for another name."""
        for row in self.methods:
            if row.method == method:
                return row
        raise KeyError(method)


@dataclass(frozen=True)
class Agreement:
    """Whether the truth, which is of the re-rendered room, holds for the generated picture.

    Attributes:
        psnr_db: generated originals against re-renders, over all pixels.
        correlation: per picture, between the edit's change of luminance (absolute) and the lamps' light.
        change_on_light: share of that change that falls on the "light" truth.
    """

    psnr_db: float
    correlation: Interval
    change_on_light: Interval


@dataclass(frozen=True)
class MaskBenchmarkResult:
    """The whole benchmark.

    Attributes:
        left_out: latents without a visible lamp.
        rows: the edited rows of w+.
        forward_ms: milliseconds per picture of one whole generator pass, in the same run: the unit of cost.
    """

    samples: int
    left_out: int
    seed: int
    image_size: int
    distance: float
    rows: tuple[int, ...]
    agreement: Agreement
    truths: tuple[TruthResult, ...]
    forward_ms: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def estimate_means(columns: Mapping[str, FloatArray], seed: int) -> dict[str, Interval]:
    """Columns of (N,) values, one per picture, N >= 1 -> their means with percentile-bootstrap intervals.

    All columns share the resamples, so that equal columns get equal intervals.
    """
    values = np.stack(list(columns.values()), axis=1).astype(np.float64)
    source = np.random.Generator(np.random.Philox(seed))
    weights = source.multinomial(len(values), np.full(len(values), 1 / len(values)), size=RESAMPLES) / len(values)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(weights @ values, (tail, 1 - tail), axis=0)
    means = values.mean(axis=0)
    return {name: Interval(float(means[i]), float(low[i]), float(high[i])) for i, name in enumerate(columns)}
