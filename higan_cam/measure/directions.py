"""What a direction changes that nobody has named: scores, places in the picture, how locally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from higan_cam.config import EditConfig, RunConfig
from higan_cam.manipulate import edit_direction, plan_edit
from higan_cam.manipulate.directions import Answer, Direction, answer_of
from higan_cam.manipulate.directions.answers import REGION
from higan_cam.manipulate.layer_lists import format_layers
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models, batches, w_plus_of
from higan_cam.pipeline.directions import changes
from higan_cam.types import Interval, Scorer


@dataclass(frozen=True, eq=False)
class Effect:
    """What one spread to each side does to n samples.

    Attributes:
        scores: {attribute: mean change per code unit, with its interval over the samples}.
        answer: where the picture changes, how much per spread, how locally.
    """

    scores: Mapping[str, Interval]
    answer: Answer
    samples: int


def effect_of(
    models: Models, config: RunConfig, direction: Direction, indices: Sequence[int], scorers: Sequence[Scorer]
) -> Effect:
    """Both ends of a small edit of these samples: scores by the run's scorer and others, and the pictures' change.

    DataError: fewer than 2 samples.
    """
    edit = plan_edit(EditConfig(layers="auto"), direction.boundary, models.generator.edit_strength)
    spread = float(direction.figures["spread"])
    read = [models.scorer, *scorers]
    maps, scores = [], []
    with torch.inference_mode():
        for part in batches(indices, config.mask.micro_batch):
            w_plus = w_plus_of(models, config, part)
            step = spread * edit_direction(direction.boundary, edit, w_plus)
            image, _ = models.generator.synthesize(torch.cat([w_plus - step, w_plus + step]))
            maps.append(changes(image))
            low, high = torch.stack([each.score(image).float() for each in read], dim=1).cpu().chunk(2)
            scores.append((high - low).numpy() / (2 * max(spread, 1e-12)))
    columns = dict(zip((each.attribute for each in read), np.concatenate(scores).T, strict=True))
    return Effect(estimate_means(columns, 0), answer_of(np.concatenate(maps)), len(indices))


def effect_row(direction: Direction, effect: Effect) -> dict[str, Any]:
    """A direction and what it does as a row of the table (JSON-compatible)."""
    return {
        "name": direction.name,
        "layers": format_layers(direction.layers),
        **direction.figures,
        "change": effect.answer.strength,
        "local": effect.answer.locality,
        "scores": {name: asdict(each) for name, each in effect.scores.items()},
        "samples": effect.samples,
    }


def scores_text(direction: Direction, effect: Effect) -> str:
    """`per spread: indoor_lighting +0.34 [+0.23, +0.45], …`: scores whose interval leaves out 0."""
    spread = float(direction.figures["spread"])
    said = [
        f"{name} {spread * each.value:+.2g} [{spread * each.low:+.2g}, {spread * each.high:+.2g}]"
        for name, each in effect.scores.items()
        if each.low > 0 or each.high < 0
    ]
    return f"per spread: {', '.join(said)}" if said else "no score that moves"


def place_text(direction: Direction, effect: Effect) -> str:
    """`rows 0-11, 18% of the change in 5% of the picture`."""
    locality = f"{effect.answer.locality:.0%} of the change in {REGION:.0%} of the picture"
    return f"rows {format_layers(direction.layers)}, {locality}"
