"""The second half of a mask unit, which needs no GPU: heat maps -> regions -> masks -> figures and words -> samples.

Pure functions, as in `pipeline`; the runtime calls them where the heat maps were made, or in tasks on other machines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from higan_cam.config import RunConfig
from higan_cam.generate import from_uint8
from higan_cam.label import make_scorer
from higan_cam.mask import find_regions, mask_quality, moved_masks, second_opinion, why_nowhere
from higan_cam.pipeline.flow import HeatBatch
from higan_cam.pipeline.models import batches
from higan_cam.publish.captions import words_of
from higan_cam.types import ByteArray, Captions, FloatArray, RegionResult, Sample, Scorer

QUALITY_FIGURES = (
    *("score_negative", "score_positive", "retention", "necessity", "retention_random", "necessity_random"),
    "coverage",
)
"""Of `MaskQuality`, what goes with every sample."""
_SCORES = {"original": "score", "negative": "score_negative", "image": "score_positive"}
"""Picture of a sample -> the column of its score."""


def judge_of(config: RunConfig, scorer: Scorer) -> Scorer | None:
    """The second scorer, if the run has one; it shares with the run's own what both look with."""
    return None if config.judge is None else make_scorer(config.judge, [scorer])


def mask_samples(scorer: Scorer, config: RunConfig, batch: HeatBatch, judge: Scorer | None = None) -> list[Sample]:
    """Heat maps -> regions -> masks -> samples of one unit. Scores are those of the published 8-bit pictures.

    A sample that the scorer gives NaN or infinity for is empty, with that reason: nobody can say what its edit does.

    Args:
        judge: the run's second scorer, which is made here where none is given.
    """
    side, nowhere = batch.original.shape[1], why_nowhere(config.final_attribution)
    regions = [find_regions(heat, config.regions, side, nowhere) for heat in batch.heat]
    masks = np.stack([result.mask for result in regions])
    figures = _figures(scorer, judge or judge_of(config, scorer), config, batch, masks)
    regions = [_scored(result, figures, row) for row, result in enumerate(regions)]
    return [
        Sample(
            id=f"{config.seed}-{index:09d}",
            index=index,
            seed=config.seed,
            image=batch.positive[row],
            original=batch.original[row],
            negative=batch.negative[row],
            mask=result.mask,
            heat=batch.heat[row],
            words=_words(scorer, config, index, result, figures, row),
            distance_negative=float(batch.distances[row, 0]),
            distance_positive=float(batch.distances[row, 1]),
            reached=bool(batch.reached[row]),
            status=result.status,
            reason=result.reason,
            regions=result.regions,
            photo=None,
            lights=(),
            **{name: float(values[row]) for name, values in figures.items()},
        )
        for row, (index, result) in enumerate(zip(batch.indices, regions, strict=True))
    ]


def _scored(result: RegionResult, figures: dict[str, FloatArray], row: int) -> RegionResult:
    """The result, or an empty one where the scorer has no number for one of the three pictures of this row."""
    missing = [picture for picture, name in _SCORES.items() if not np.isfinite(figures[name][row])]
    if not missing:
        return result
    figures["coverage"][row] = 0
    reason = f"the scorer gives NaN or infinity for {' and '.join(missing)}"
    return RegionResult((), np.zeros_like(result.mask), "empty", reason)


def _words(
    scorer: Scorer,
    config: RunConfig,
    index: int,
    result: RegionResult,
    figures: dict[str, FloatArray],
    row: int,
) -> Captions:
    height, width = result.mask.shape
    return words_of(
        config.publish.captions,
        attribute=config.attribute,
        seed=config.seed,
        index=index,
        score_negative=float(figures["score_negative"][row]),
        score_positive=float(figures["score_positive"][row]),
        score_range=scorer.score_range,
        regions=result.regions,
        size=(height, width),
    )


def _figures(
    scorer: Scorer, judge: Scorer | None, config: RunConfig, batch: HeatBatch, masks: ByteArray
) -> dict[str, FloatArray]:
    """Scores and mask quality by column name, (n,) each."""
    rows: list[dict[str, Any]] = []
    inside = masks > 0
    moved = moved_masks(inside, batch.indices, config.seed)
    for part in batches(range(len(masks)), config.mask.micro_batch):
        where = slice(part[0], part[-1] + 1)
        original, negative, positive = (
            from_uint8(kind[where]) for kind in (batch.original, batch.negative, batch.positive)
        )
        mask = torch.from_numpy(inside[where])
        quality = mask_quality(scorer, negative, positive, mask, torch.from_numpy(moved[where]))
        with torch.inference_mode():
            score = scorer.score(original)
        rows.append({"score": score.numpy(), **{name: getattr(quality, name).numpy() for name in QUALITY_FIGURES}})
        rows[-1] |= second_opinion(judge, negative, positive, mask)
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
