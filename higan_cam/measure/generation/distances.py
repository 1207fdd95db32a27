"""How far two sets of features lie apart: one figure each, with how sure it is.

Shapes: (N,D) features of real pictures, (M,D) of samples, float32, more rows than columns for the Frechet distance.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from higan_cam.errors import DataError
from higan_cam.types import FloatArray, Interval

RESAMPLES = 20
PARTS = 10
"""Of the kernel distance: unbiased in each, so their spread says how sure the mean is."""
CONFIDENCE = 0.95
LEAST = 4 * PARTS


class _AsTheyAre(nn.Module):
    """Features in the place of pictures, for metrics that would describe pictures themselves."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(reals: FloatArray, samples: FloatArray) -> float:
    """Squared Frechet distance of both as Gaussians (Heusel et al. 2017, arXiv:1706.08500, eq. 6).

    It falls with the number of rows: compare only what was measured on equally many.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=_AsTheyAre(reals.shape[1]), normalize=True).set_dtype(torch.float64)
    metric.update(torch.from_numpy(reals).double(), real=True)
    metric.update(torch.from_numpy(samples).double(), real=False)
    return float(metric.compute())


def frechet_interval(reals: FloatArray, samples: FloatArray, seed: int) -> Interval:
    """The distance, and how sure it is over samples: reals are the reference, and stay.

    A resample is further away than the set that it is drawn from, so only the spread of resamples is taken. It says
    how much another set of as many samples would differ, not how far endless samples are: few make it larger.
    """
    source = np.random.Generator(np.random.Philox(key=(seed, 0)))
    value = frechet_distance(reals, samples)
    drawn = [frechet_distance(reals, samples[source.integers(0, len(samples), len(samples))]) for _ in range(RESAMPLES)]
    beside = float(stats.t.ppf((1 + CONFIDENCE) / 2, RESAMPLES - 1) * np.std(drawn, ddof=1))
    return Interval(value, max(0.0, value - beside), value + beside)


def kernel_distance(reals: FloatArray, samples: FloatArray, seed: int) -> Interval:
    """Squared maximum mean discrepancy under the kernel (x.y / D + 1)^3 (Binkowski et al. 2018, arXiv:1801.01401).

    Unbiased at any number of rows: the mean over tenths of both sets, paired at random, and its t interval.

    Raises:
        DataError: fewer than 40 rows.
    """
    from torchmetrics.image.kid import poly_mmd

    if min(len(reals), len(samples)) < LEAST:
        raise DataError(f"kernel distance: {len(reals)} reals and {len(samples)} samples; at least {LEAST} of both")
    source = np.random.Generator(np.random.Philox(key=(seed, 1)))
    orders = [np.array_split(source.permutation(len(rows)), PARTS) for rows in (reals, samples)]
    found = []
    for one, other in zip(*orders, strict=True):
        size = min(len(one), len(other))
        parts = reals[one[:size]], samples[other[:size]]
        found.append(float(poly_mmd(*(torch.from_numpy(part).double() for part in parts))))
    mean = float(np.mean(found))
    beside = float(stats.t.ppf((1 + CONFIDENCE) / 2, PARTS - 1) * np.std(found, ddof=1) / np.sqrt(PARTS))
    return Interval(mean, mean - beside, mean + beside)
