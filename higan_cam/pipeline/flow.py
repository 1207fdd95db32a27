"""The flow, top to bottom, as pure functions: latents, images, scores, boundary, edited pairs, heat maps.

`finishing` goes on from there to samples. Nothing here knows about Ray, files or time. The runtime calls these
functions inside its workers; a notebook can call them directly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from higan_cam.config import RunConfig, parse_layers
from higan_cam.config.stages import AUTO
from higan_cam.errors import DataError
from higan_cam.generate import to_uint8
from higan_cam.label import Reasoning, lacks_labels, score_by_all, with_quartiles
from higan_cam.manipulate import (
    Ends,
    Extremes,
    LabelledCodes,
    calibrated_ends,
    check_extremes,
    fit_boundary,
    fixed_ends,
    plan_edit,
    select_extremes,
)
from higan_cam.mask import LEVELS, ImageAttribution, make_attribution, picture_change, where_pictures_change
from higan_cam.mask.student.attribution import StudentHeat
from higan_cam.pipeline.models import Models, batches, codes_array, w_plus_of
from higan_cam.types import (
    Attribution,
    BoolArray,
    Boundary,
    ByteArray,
    Edit,
    FloatArray,
    Generator,
    IntArray,
    Scorer,
    SynthesisState,
    WorkUnit,
)
from higan_cam.weights.embedded import EMBEDDED_GENERATORS

HIGAN_LIGHTING_LAYERS = range(6, 12)
"""w+ rows that carry lighting in HiGAN's scenes; the embedded generator has it in all rows."""


@dataclass(frozen=True, eq=False)
class HeatBatch:
    """What the generator's side hands to the mask's side for one unit. n samples, R image side, S map side.

    Attributes:
        indices: (n,) sample indices.
        original, negative, positive: (n,R,R,3) uint8.
        heat: (n,S,S) float32 in [0,1].
        distances: (n,2) signed code units from the original to both ends.
        reached: (n,) whether both ends reached their target scores.
    """

    indices: tuple[int, ...]
    original: ByteArray
    negative: ByteArray
    positive: ByteArray
    heat: FloatArray
    distances: FloatArray
    reached: BoolArray


def label_unit(models: Models, config: RunConfig, unit: WorkUnit) -> tuple[IntArray, FloatArray]:
    """Latents -> images -> scores: (n,) int64 indices and (n,) float32 scores of one unit."""
    indices, scores = label_by_all(models, [models.scorer], config, unit)
    return indices, scores[0]


def label_by_all(
    models: Models, scorers: Sequence[Scorer], config: RunConfig, unit: WorkUnit
) -> tuple[IntArray, FloatArray]:
    """The same for S scorers, which look at one and the same image, and once where they look with the same network:
    (n,) indices and (S,n) scores."""
    scores = []
    with torch.inference_mode():
        for part in batches(unit.indices, config.label.micro_batch):
            w_plus = w_plus_of(models, config, part)
            image, _ = models.generator.synthesize(w_plus)
            scores.append(np.stack([scored.float().cpu().numpy() for scored in score_by_all(scorers, image)]))
    return np.arange(unit.start, unit.stop, dtype=np.int64), np.concatenate(scores, axis=1)


def why_unlabelled(models: Models, config: RunConfig, indices: Sequence[int]) -> list[str]:
    """Why the scorer has no score for these samples: a reason or "" each; "" from scorers that give no reasons."""
    scorer, reasons = models.scorer, list[str]()
    if not isinstance(scorer, Reasoning):
        return [""] * len(indices)
    with torch.inference_mode():
        for part in batches(indices, config.label.micro_batch):
            image, _ = models.generator.synthesize(w_plus_of(models, config, part))
            reasons += scorer.reasons(scorer.look(image))
    return reasons


def fit_from_extremes(models: Models, config: RunConfig, extremes: Extremes, rest: LabelledCodes) -> Boundary:
    """The two tails -> their codes -> the boundary between them; `rest` measures it outside the tails."""
    highest, lowest = (
        LabelledCodes(codes_array(models, config, tail.indices.tolist()), tail.scores)
        for tail in (extremes.highest, extremes.lowest)
    )
    rows = recommended_rows(models, config)
    return fit_boundary(
        highest, lowest, rest, config.boundary, attribute=config.attribute, layers=rows, seed=config.seed
    )


def recommended_rows(models: Models, config: RunConfig) -> tuple[int, ...]:
    """Rows of w+ that a boundary of this run recommends to edit: `HIGAN_LIGHTING_LAYERS`, or all."""
    every = tuple(range(models.generator.num_layers))
    embedded = config.generator.weights in EMBEDDED_GENERATORS
    scene = () if embedded else tuple(row for row in every if row in HIGAN_LIGHTING_LAYERS)
    return scene or every


def labelled_codes(models: Models, config: RunConfig, indices: IntArray, scores: FloatArray) -> LabelledCodes:
    """Codes and scores of already labelled samples."""
    return LabelledCodes(codes_array(models, config, indices.tolist()), scores)


def label_and_fit(models: Models, config: RunConfig) -> Boundary:
    """Label `config.label.count` latents in this process and fit the boundary; what the runtime does, without Ray."""
    indices, scores = label_unit(models, config, WorkUnit(0, 0, config.label.count))
    extremes = select_extremes(scores, indices, config.boundary.tails)
    check_extremes(extremes, lacks_labels(config.scorer, models.scorer))
    outside = np.isfinite(scores) & ~np.isin(
        indices, np.concatenate([extremes.highest.indices, extremes.lowest.indices])
    )
    rest = labelled_codes(models, config, indices[outside], scores[outside])
    boundary = fit_from_extremes(models, config, extremes, rest)
    return with_quartiles(boundary, config.scorer, models.scorer, scores)


def edit_for(models: Models, config: RunConfig, boundary: Boundary) -> Edit:
    """The edit that the configuration asks for, on this generator."""
    return plan_edit(config.edit, boundary, models.generator.edit_strength)


def edited_ends(models: Models, config: RunConfig, boundary: Boundary, w_plus: Tensor) -> Ends:
    """(n,L,w_dim) codes -> both ends: at the same distance for all, or where the scores reach `edit.targets`.

    The latter costs 2 `GRID` + 1 + 2 `STEPS` passes of the layers from the first edited row on.
    """
    edit = edit_for(models, config, boundary)
    if config.edit.targets is None:
        return fixed_ends(w_plus, boundary, edit)

    # Nineteen passes per sample: layers below the first edited row are the same in all of them.
    state = _below(models.generator, edit, w_plus)

    def score(codes: Tensor) -> Tensor:
        return models.scorer.score(models.generator.synthesize(codes, start=state)[0])

    return calibrated_ends(score, w_plus, boundary, edit, config.edit, models.scorer.score_range)


def tapped_layers(models: Models, config: RunConfig, edit: Edit) -> tuple[int, ...]:
    """The layers to tap (`auto`: the edited ones that exist)."""
    count = len(models.generator.layer_resolutions)
    return parse_layers(config.attribution.layers, count, edit.layers, "attribution.layers")


def attribution_for(
    models: Models, config: RunConfig, edit: Edit, metrics: Mapping[str, Any] | None = None
) -> Attribution:
    """The attribution by name, on the tapped layers; `metrics` of the boundary say what each layer counts.

    A refined run's student goes by its name, and stands for the embedded one.

    Raises:
        DataError: the run is refined, and its student is not there; or it chooses, and nothing is chosen yet.
        ConfigError: as `make_attribution`.
    """
    if config.final_attribution.name == "student" and models.student is not None:
        return StudentHeat(models.student, config.attribution.map_size)
    if config.mask.refine is not None:
        raise DataError("mask.refine: the run's student is not there; `higan-cam run` trains it, then masks")
    if config.attribution.name == AUTO:
        raise DataError("attribution.name: auto, and this run has not chosen yet; `higan-cam run` does, then masks")
    return make_attribution(config.attribution, tapped_layers(models, config, edit), metrics)


def attribute_unit(
    models: Models, config: RunConfig, boundary: Boundary, unit: WorkUnit, floor: float | None = None
) -> HeatBatch:
    """`attribute` of the samples of one unit."""
    return attribute(models, config, boundary, unit.indices, floor)


def attribute(
    models: Models, config: RunConfig, boundary: Boundary, indices: Sequence[int], floor: float | None = None
) -> HeatBatch:
    """Codes -> edited pairs -> images and heat maps of these samples: the part that wants a GPU.

    A pair whose pictures differ no more than rounding makes them has no heat, whatever the method.

    Args:
        floor: levels of an 8-bit picture that rounding makes (`measured_floor`; a run's stands in its run.json). None:
            those of the generator's precision in `mask.LEVELS`.
    """
    if not indices:
        return _nothing(models.generator.resolution, config.attribution.map_size)
    levels = LEVELS[config.generator.precision] if floor is None else floor
    edit = edit_for(models, config, boundary)
    attribution = attribution_for(models, config, edit, boundary.metrics)
    pictures: list[tuple[ByteArray, ...]] = []
    heats, moved = [], []
    with torch.inference_mode():
        for part in batches(indices, config.mask.micro_batch):
            w_plus = w_plus_of(models, config, part)
            ends = edited_ends(models, config, boundary, w_plus)
            codes = (w_plus, ends.negative, ends.positive)
            images = images_of(models.generator, codes, edit)
            if isinstance(attribution, ImageAttribution):
                heat = attribution.of(*images)
            else:
                heat = attribution(models.generator, models.scorer, *codes[1:])
            heat = where_pictures_change(heat, picture_change(*images[1:]), levels)
            heats.append(heat.float().cpu().numpy())
            moved.append((ends.distances, ends.reached))
            pictures.append(tuple(to_uint8(image) for image in images))
    original, negatives, positives = (np.concatenate(kind) for kind in zip(*pictures, strict=True))
    distances, reached = (np.concatenate(kind) for kind in zip(*moved, strict=True))
    return HeatBatch(tuple(indices), original, negatives, positives, np.concatenate(heats), distances, reached)


def _nothing(side: int, map_side: int) -> HeatBatch:
    images, distances = np.zeros((0, side, side, 3), np.uint8), np.zeros((0, 2), np.float32)
    heat = np.zeros((0, map_side, map_side), np.float32)
    return HeatBatch((), images, images, images, heat, distances, np.zeros(0, np.bool_))


def images_of(generator: Generator, codes: Sequence[Tensor], edit: Edit) -> list[Tensor]:
    """(n,L,w_dim) codes that differ in the edit's rows alone -> (n,3,R,R) images of each.

    What lies below those rows runs once for all of them.
    """
    start = _below(generator, edit, codes[0])
    return [generator.synthesize(code, start=start)[0] for code in codes]


def _below(generator: Generator, edit: Edit, w_plus: Tensor) -> SynthesisState:
    """The layers below the first row that the edit moves, run once for all that it makes of these codes."""
    return generator.advance(w_plus, min(*edit.layers, len(generator.layer_resolutions)))[0]
