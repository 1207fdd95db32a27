"""Where a relit picture is brighter than the unlit one: inside the mask or outside, and where most.

Gains are differences of luminance in [0,1] (Rec. 601), so 0.1 is a tenth of the way from black to white. Shapes: N
pictures of side S; masks (N,S,S) bool.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.mask.image_difference import REC_601
from higan_cam.measure.values import CONFIDENCE, RESAMPLES, estimate_means
from higan_cam.types import FloatArray

Figure = dict[str, float | None]
"""`value`, `low` and `high`; all None where nothing can be said."""
NOTHING: Figure = {"value": None, "low": None, "high": None}
BLUR = 5
"""Side of the square, px, that gains are averaged over before the largest is looked for: no single pixel decides."""


def luminance_gain(unlit: Tensor, lit: Tensor) -> Tensor:
    """Two (N,3,S,S) pictures in [-1,1] -> (N,S,S) gain of luminance, in [-1,1]."""
    return torch.einsum("nchw,c->nhw", (lit - unlit) / 2, torch.tensor(REC_601))


def mean_within(gain: Tensor, mask: Tensor) -> Tensor:
    """(N,S,S) gain -> (N,) mean over the pixels of the mask; NaN where it is empty."""
    return (gain * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


def largest_gain(gain: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N,S,S) gain -> (N,) its largest 5 x 5 mean, and (N,) bool whether that one's centre lies in the mask."""
    blurred = F.avg_pool2d(gain[:, None], BLUR, stride=1, padding=BLUR // 2, count_include_pad=False)[:, 0]
    value, place = blurred.flatten(1).max(dim=1)
    return value, mask.flatten(1).gather(1, place[:, None])[:, 0]


def picture_psnr(lit: Tensor, truth: Tensor) -> Tensor:
    """Two (N,3,S,S) pictures in [-1,1] -> (N,) dB."""
    return 10 * torch.log10(4 / (lit - truth).square().mean(dim=(1, 2, 3)).clamp_min(1e-12))


def mean_figures(columns: Mapping[str, Tensor], seed: int = 0) -> dict[str, Figure]:
    """(N,) values per column -> their means with 95% bootstrap intervals over pictures; columns with NaN have none."""
    known = {name: values.double().numpy() for name, values in columns.items() if bool(torch.isfinite(values).all())}
    estimates = estimate_means(known, seed) if known else {}
    figures: dict[str, Figure] = {
        name: {"value": e.value, "low": e.low, "high": e.high} for name, e in estimates.items()
    }
    return {name: figures.get(name, NOTHING) for name in columns}


def ratio(over: FloatArray, under: FloatArray, seed: int = 0) -> Figure:
    """Mean of `over` (N,) divided by the mean of `under`, with its 95% bootstrap interval over pictures.

    Nothing where a value is not finite, or where a resampled mean of `under` is not positive.
    """
    if not np.isfinite([over, under]).all():
        return NOTHING
    source = np.random.Generator(np.random.Philox(seed))
    weights = source.multinomial(len(over), np.full(len(over), 1 / len(over)), size=RESAMPLES)
    below = weights @ under
    if below.min() <= 0:
        return NOTHING
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile((weights @ over) / below, (tail, 1 - tail))
    return {"value": float(over.mean() / under.mean()), "low": float(low), "high": float(high)}
