"""How much of the score's change a mask holds, per sample: by itself (retention), and what is lost without it
(necessity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.types import FloatArray, Scorer

MIN_CHANGE = 1e-3
"""Score units. Where the ends differ by less, there is no change to hold, and both ratios are defined as 0."""


@dataclass(frozen=True)
class MaskQuality:
    """Per sample, (N,) float32 each; NaN or infinite only where the scorer is.

    Attributes:
        score_negative, score_positive: scores of both ends.
        change: positive minus negative score.
        retention: share of the change that remains when only the mask takes the positive edit; 1 is ideal.
        necessity: share of the change that is lost when everything but the mask takes it; 1 is ideal.
        retention_random, necessity_random: the same of the moved mask: what the mask's area alone is worth.
        coverage: share of the picture that the mask covers, [0,1].
    """

    score_negative: Tensor
    score_positive: Tensor
    change: Tensor
    retention: Tensor
    necessity: Tensor
    retention_random: Tensor
    necessity_random: Tensor
    coverage: Tensor


def mask_quality(scorer: Scorer, negative: Tensor, positive: Tensor, mask: Tensor, moved: Tensor) -> MaskQuality:
    """How faithful the mask is, beside the same mask moved elsewhere (`moved_masks.moved_masks`): six scorer forwards.

    Args:
        negative, positive: (N,3,H,W) images in [-1,1]; pass them as published (clamped).
        mask, moved: (N,H,W), 0 or 1.
    """
    low, high, (own, random) = shares_of_change(scorer, negative, positive, (mask, moved))
    return MaskQuality(
        score_negative=low,
        score_positive=high,
        change=high - low,
        retention=own[0],
        necessity=own[1],
        retention_random=random[0],
        necessity_random=random[1],
        coverage=mask.float().mean(dim=(1, 2)),
    )


def shares_of_change(
    scorer: Scorer, negative: Tensor, positive: Tensor, masks: Sequence[Tensor]
) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
    """Scores of both ends, (N,) each, and (retention, necessity), (N,) each, of every one of the (N,H,W) masks.

    With mask m, ends I-, I+ and scores s-, s+: retention = [s(m I+ + (1-m) I-) - s-] / (s+ - s-) and
    necessity = [s+ - s((1-m) I+ + m I-)] / (s+ - s-); both 0 where |s+ - s-| < `MIN_CHANGE`. They may leave [0,1].
    Where the edit lowers the score, the same ratios hold for the fall.

    NaN where the scorer gives NaN or infinity for an end or for the picture in question; other samples keep theirs.

    Cost: 2 + 2 per mask scorer forwards, in one batch.
    """
    composites = [image for mask in masks for image in _composites(negative, positive, mask)]
    with torch.no_grad():
        scores = scorer.score(torch.cat([negative, positive, *composites])).float()
    low, high, *mixed = scores.split(len(negative))
    change = high - low
    enough = change.abs() >= MIN_CHANGE
    divisor = torch.where(enough, change, 1)

    def share(part: Tensor) -> Tensor:
        known = (change + part).isfinite()
        return torch.where(known, torch.where(enough, part / divisor, 0), torch.nan)

    pairs = zip(mixed[::2], mixed[1::2], strict=True)
    return low, high, [(share(inside - low), share(high - outside)) for inside, outside in pairs]


def second_opinion(judge: Scorer | None, negative: Tensor, positive: Tensor, mask: Tensor) -> dict[str, FloatArray]:
    """Retention and necessity by a scorer that had no part in the edit or the mask; NaN where there is none.

    (N,3,H,W) ends and (N,H,W) mask -> {column of the dataset: (N,)}.
    """
    shares = (torch.full((len(mask),), torch.nan),) * 2
    if judge is not None:
        shares = shares_of_change(judge, negative, positive, [mask])[2][0]
    return {name: share.numpy() for name, share in zip(("retention_second", "necessity_second"), shares, strict=True)}


def _composites(negative: Tensor, positive: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The positive edit inside the mask alone, and outside it alone."""
    m = mask[:, None].to(positive.dtype)
    return m * positive + (1 - m) * negative, (1 - m) * positive + m * negative
