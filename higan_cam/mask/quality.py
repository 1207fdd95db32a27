"""How much of the score's change a mask holds (DESIGN section 4, "Mask quality, per sample")."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.types import Scorer

MIN_CHANGE = 1e-3
"""Score units. Where the ends differ by less, there is no change to hold, and both ratios are defined as 0."""


@dataclass(frozen=True)
class MaskQuality:
    """Per sample, (N,) float32 each, always finite.

    Attributes:
        score_negative, score_positive: scores of both ends.
        change: positive minus negative score.
        retention: share of the change that remains when only the mask takes the positive edit; 1 is ideal.
        necessity: share of the change that is lost when everything but the mask takes it; 1 is ideal.
        coverage: share of the picture that the mask covers, [0,1].
    """

    score_negative: Tensor
    score_positive: Tensor
    change: Tensor
    retention: Tensor
    necessity: Tensor
    coverage: Tensor


def mask_quality(scorer: Scorer, negative: Tensor, positive: Tensor, mask: Tensor) -> MaskQuality:
    """Scores both ends and their two composites.

    With mask m, ends I-, I+ and scores s-, s+: retention = [s(m I+ + (1-m) I-) - s-] / (s+ - s-) and
    necessity = [s+ - s((1-m) I+ + m I-)] / (s+ - s-); both 0 where |s+ - s-| < `MIN_CHANGE`. They may leave [0,1].
    Where the edit lowers the score, the same ratios hold for the fall.

    Args:
        negative, positive: (N,3,H,W) images in [-1,1]; pass them as published (clamped).
        mask: (N,H,W), 0 or 1.

    Raises:
        DataError: the scorer returned NaN or infinity.
    """
    m = mask[:, None].to(positive.dtype)
    inside = m * positive + (1 - m) * negative
    outside = (1 - m) * positive + m * negative
    with torch.no_grad():
        scores = scorer.score(torch.cat([negative, positive, inside, outside])).float()
    if not bool(scores.isfinite().all()):
        raise DataError(f"the {scorer.attribute} scorer returned NaN or infinity for {len(mask)} edited pairs")
    low, high, kept, lost = scores.chunk(4)
    change = high - low
    enough = change.abs() >= MIN_CHANGE
    divisor = torch.where(enough, change, 1)
    return MaskQuality(
        score_negative=low,
        score_positive=high,
        change=change,
        retention=torch.where(enough, (kept - low) / divisor, 0),
        necessity=torch.where(enough, (high - lost) / divisor, 0),
        coverage=m.mean(dim=(1, 2, 3)).float(),
    )
