"""`python -m tests.benchmarks.attributions`: does `attribution.name: auto` take the map that truth says is best?

Three attributes of the embedded generator, each with a truth that no attribution has a part in: where the attribute's
own factor shows. For lighting that is the light of the lamps (as `higan-cam benchmark-masks`), for warmth what
`wall_warmth` changes in the rendered room between its ends, for daylight what `day` does: more than a quarter of the
largest change, in display values. The pilot's samples are none of the rooms that are judged. Predictions and figures:
higan_cam/mask/README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from higan_cam.config import RunConfig, load_config
from higan_cam.config.attributes import members, siblings
from higan_cam.generate import sample_latents
from higan_cam.label import make_scorer, make_scorers, with_quartiles
from higan_cam.manipulate import condition, select_extremes
from higan_cam.measure.choice import choose, gains_of
from higan_cam.measure.masks import SHIPPED, code_ends, heat_of, known_rooms
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models, fit_from_extremes, label_by_all, labelled_codes, load_models, on_final_scale
from higan_cam.rooms import localisation, render
from higan_cam.rooms.scene import Z_DIM, Scene, scene_of
from higan_cam.rooms.truth import LIT
from higan_cam.types import BoolArray, Boundary, FloatArray, IntArray, WorkUnit

SEED = 2**62 + 77
"""Of the rooms that are judged; nothing else uses it."""
ALSO = ("light_steps", "path")
"""Judged beside the candidates that a run has by default."""
LAMPS = "indoor_lighting"


def main() -> None:
    """Fit, choose, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=24, help="rooms that are judged")
    parser.add_argument("--labels", type=int, default=2_500, help="labels of each boundary; tails are an eighth")
    options = parser.parse_args()
    torch.set_num_threads(1)
    overrides = ["attribution.name=auto", f"label.count={options.labels}", f"boundary.tails={options.labels // 8}"]
    configs = members(load_config("data/configs/attributes.yaml", overrides))
    models = load_models(configs[LAMPS])
    print("| attribute | heat map | AP, truth | IoU of the masks | gain | behind | coverage | chosen |")
    print("| --- " * 8 + "|")
    for name, (config, boundary) in boundaries_of(models, configs).items():
        own = on_final_scale(replace(models, scorer=make_scorer(config.scorer)), boundary)
        for line in _lines(own, config, boundary, *_truth(name, options.rooms, models.generator.resolution)):
            print(f"| {name} | {line} |", flush=True)


def boundaries_of(models: Models, configs: dict[str, RunConfig]) -> dict[str, tuple[RunConfig, Boundary]]:
    """Of the members of a run, each after its conditions; one look at every picture for all scorers."""
    first = next(iter(configs.values()))
    scorers = make_scorers(config.scorer for config in configs.values())
    indices, scores = label_by_all(models, scorers, first, WorkUnit(0, 0, first.label.count))
    found: dict[str, tuple[RunConfig, Boundary]] = {}
    for (name, config), scorer, row in zip(configs.items(), scorers, scores, strict=True):
        boundary = condition(fitted(models, config, indices, row), [found[other][1] for other in siblings(config)])
        found[name] = config, with_quartiles(boundary, config.scorer, scorer, row)
    return found


def fitted(models: Models, config: RunConfig, indices: IntArray, row: FloatArray) -> Boundary:
    """The boundary of (N,) scores of these samples; NaN is in no tail and no rest."""
    extremes = select_extremes(row, indices, config.boundary.tails)
    tails = np.concatenate([extremes.highest.indices, extremes.lowest.indices])
    rest = np.isfinite(row) & ~np.isin(indices, tails)
    return fit_from_extremes(models, config, extremes, labelled_codes(models, config, indices[rest], row[rest]))


def _truth(name: str, count: int, size: int) -> tuple[FloatArray, BoolArray]:
    """Latents and the place of the attribute's own factor, (N,R,R)."""
    if name == LAMPS:
        known = known_rooms(count, SEED, size)
        return known.latents, known.masks["light"]
    latents = sample_latents(range(count), SEED, Z_DIM)
    ends = [render(_with_factor(scene_of(latents), name, value), size) for value in (0.0, 1.0)]
    change = ((ends[1] - ends[0]) / 2).square().sum(dim=1).sqrt().numpy()
    return latents, change > LIT * change.max(axis=(1, 2), keepdims=True)


def _with_factor(scene: Scene, name: str, value: float) -> Scene:
    """The room with its walls cold or warm, or by night or day."""
    scene.column({"warmth": "wall_warmth", "daylight": "day"}[name])[:] = value  # a view of the scene's own column
    return scene


def _lines(
    models: Models, config: RunConfig, boundary: Boundary, latents: FloatArray, truth: BoolArray
) -> Iterator[str]:
    choice = choose(config.attribution.candidates, gains_of(models, config, boundary, range(config.attribution.pilot)))
    compared = {row.name: row for row in choice.candidates}
    ends = code_ends(models, config, boundary, latents)
    for name in (*compared, *ALSO):
        found = heat_of(models, config.with_attribution(name), boundary, ends, name)
        columns = {
            "ap": localisation.average_precision(found.heat, truth),
            "iou": localisation.iou(found.masks[SHIPPED], truth),
        }
        figures = [
            f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" for each in estimate_means(columns, seed=0).values()
        ]
        row = compared.get(name)
        figures += (
            ["", "", ""] if row is None else [f"{each.value:.3f}" for each in (row.gain, row.behind, row.coverage)]
        )
        yield " | ".join([f"`{name}`", *figures, "yes" if name == choice.name else ""])


if __name__ == "__main__":
    main()
