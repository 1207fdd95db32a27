"""`python -m tests.benchmarks.face_edits`: where an edit of a property of faces leads, if heat lies where it should.

A boundary is fitted between true values of a property, in w, and unused faces are moved to both sides of themselves.
Read off the two ends by drawing (`train/distill/faces.py`): how far each property went, as a share of its range. Where
the picture truly answers: what the property alone changes in the render, from one end to the other, the rest as it is.
Means with 95% intervals over faces. Predictions and figures: higan_cam/faces/README.md.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from higan_cam.config import load_config
from higan_cam.faces import changed, properties, scene_of
from higan_cam.faces.scene import PROPERTIES, Z_DIM, Scene, span
from higan_cam.generate import sample_latents
from higan_cam.measure.masks import code_ends, heat_of
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models, load_models
from higan_cam.rooms.localisation import average_precision
from higan_cam.train.distill.faces import read_property
from higan_cam.types import FloatArray, Interval
from tests.benchmarks.attributions import fitted

SEED = 2**62 + 81
"""Of the faces that are judged; nothing else uses it."""
HEATS = ("colour_change", "light_change", "image_difference")


def main() -> None:
    """Fit, move, read, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attributes", nargs="+", default=["mouth"], choices=PROPERTIES)
    parser.add_argument("--faces", type=int, default=48, help="faces that are judged")
    parser.add_argument("--labels", type=int, default=4000, help="true values that a boundary is fitted to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for attribute in options.attributes:
        found = judged(attribute, options.faces, options.labels)
        for name, value in found.items():
            print(f"| {attribute} | {name} | {value.value:.3f} [{value.low:.3f}, {value.high:.3f}] |", flush=True)


def judged(attribute: str, faces: int, labels: int) -> dict[str, Interval]:
    """Moved shares of the range of every property, and average precision of heat maps."""
    overrides = ["generator.weights=faces", "scorer.name=luminance", f"attribute={attribute}", "boundary.layers=all"]
    config = load_config(overrides=[*overrides, f"boundary.tails={labels // 10}"])
    models = load_models(config)
    truth = properties(sample_latents(range(labels), config.seed, Z_DIM))[attribute]
    boundary = fitted(models, config, np.arange(labels, dtype=np.int64), truth)
    z = sample_latents(range(faces), SEED, Z_DIM)
    scene, ends = scene_of(z), code_ends(models, config, boundary, z)
    columns = moved(models, scene, [(low, high) for _, low, high in ends])
    there = changed(scene, attribute, models.generator.resolution).numpy()
    for name in HEATS:
        columns[f"AP of {name}"] = average_precision(heat_of(models, config, boundary, ends, name).heat, there)
    columns["AP of a constant map"] = there.mean(axis=(1, 2))
    return estimate_means(columns, seed=0)


def moved(models: Models, scene: Scene, ends: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, FloatArray]:
    """{property: (N,)} from the lower end to the upper one, as a share of its range."""
    with torch.inference_mode():
        shown = [
            torch.cat([models.generator.synthesize(pair[side])[0].clamp(-1, 1) for pair in ends]) for side in (0, 1)
        ]
    columns: dict[str, FloatArray] = {}
    for name in PROPERTIES:
        low, high = (read_property(images, scene, name) for images in shown)
        columns[f"moves {name}"] = (high - low) / (span(name)[1] - span(name)[0])
    return columns


if __name__ == "__main__":
    main()
