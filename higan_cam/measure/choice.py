"""Which attribution suits a run: candidates compared by what their masks hold of the score's change.

Masks are those that the run would publish, by its own regions, and each is held against the same mask moved elsewhere:
what its area alone is worth, so that none wins by marking more. Shapes: M candidates, n samples, F figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from higan_cam.config import RunConfig
from higan_cam.errors import DataError
from higan_cam.generate import from_uint8
from higan_cam.label import make_scorer
from higan_cam.mask import find_regions, moved_masks
from higan_cam.mask.quality import shares_of_change
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import HeatBatch, Models, batches
from higan_cam.pipeline.flow import attribute
from higan_cam.publish.chosen import Candidate, Choice
from higan_cam.types import BoolArray, Boundary, FloatArray, Interval, Scorer

FIGURES = ("retention", "necessity")
COVERAGE = "coverage"


def gains_of(
    models: Models, config: RunConfig, boundary: Boundary, indices: Sequence[int], floor: float | None = None
) -> dict[str, FloatArray]:
    """{figure: (M,n)} of every candidate of the configuration on these samples: above its moved masks; its coverage.

    Args:
        models: on the CPU, with scores on the final scale.
        floor: as `attribute` takes it.
    """
    judges: dict[str, Scorer] = {"": models.scorer}
    if config.judge is not None:
        judges["_second"] = make_scorer(config.judge)
    found: dict[str, list[FloatArray]] = {}
    for name in config.attribution.candidates:
        batch = attribute(models, config.unrefined.with_attribution(name), boundary, indices, floor)
        masks = np.stack([find_regions(heat, config.regions, batch.original.shape[1]).mask > 0 for heat in batch.heat])
        found.setdefault(COVERAGE, []).append(masks.mean(axis=(1, 2)))
        for suffix, judge in judges.items():
            for figure, values in zip(FIGURES, _gains(judge, config, batch, masks), strict=True):
                found.setdefault(figure + suffix, []).append(values)
    return {figure: np.stack(rows) for figure, rows in found.items()}


def choose(names: Sequence[str], measured: Mapping[str, FloatArray]) -> Choice:
    """The candidate with the highest mean of all figures; of equal ones the first named.

    Args:
        measured: as `gains_of` gives it; samples for which a scorer has no number are left out for all.

    Raises:
        DataError: that leaves none.
    """
    figures = [name for name in measured if name != COVERAGE]
    stacked = np.stack([measured[name] for name in (*figures, COVERAGE)]).astype(np.float64)  # (F+1,M,n)
    known = stacked[:, :, np.isfinite(stacked).all(axis=(0, 1))]
    if not known.shape[-1]:
        raise DataError(
            f"attribution.name: the scorer has no number for edits of any of {stacked.shape[-1]} samples, so nothing "
            "can be chosen by it; check the scorer, or name a method"
        )
    gain = known[:-1].mean(axis=0)
    best = int(gain.mean(axis=1).argmax())
    rows = []
    for number, name in enumerate(names):
        columns = dict(zip((*figures, COVERAGE), known[:, number], strict=True))
        means = estimate_means({**columns, "gain": gain[number], "behind": gain[best] - gain[number]}, seed=0)
        rows.append(Candidate(name, {figure: means[figure] for figure in figures}, **_rest(means)))
    return Choice(names[best], known.shape[-1], tuple(sorted(rows, key=lambda row: -row.gain.value)))


def _rest(means: Mapping[str, Interval]) -> dict[str, Interval]:
    return {name: means[name] for name in ("gain", "behind", COVERAGE)}


def _gains(judge: Scorer, config: RunConfig, batch: HeatBatch, masks: BoolArray) -> tuple[FloatArray, FloatArray]:
    """(n,) gain in retention, and in necessity; 0 where there is no mask."""
    pair = masks, moved_masks(masks, batch.indices, config.seed)
    gains: list[FloatArray] = []
    for part in batches(range(len(masks)), config.mask.micro_batch):
        where = slice(part[0], part[-1] + 1)
        ends = from_uint8(batch.negative[where]), from_uint8(batch.positive[where])
        own, moved = shares_of_change(judge, *ends, [torch.from_numpy(each[where]) for each in pair])[2]
        gains.append(np.stack([(a - b).numpy() for a, b in zip(own, moved, strict=True)]))
    retention, necessity = np.concatenate(gains, axis=1)
    return retention, necessity
