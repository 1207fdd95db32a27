"""`python -m tests.benchmarks.faces_entangled RUN`: what each edit of a run of `--config faces` changes besides.

Twice, on the same unused faces moved to the positive end: by the run's own scorers, as its page says it, and by the
factors that the faces are drawn from, which are linear in w. Mean changes in standard deviations over the faces as they
are. Figures: higan_cam/faces/README.md.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from higan_cam.config import RunConfig, load_config, parse_config
from higan_cam.faces.scene import PROPERTIES, Z_DIM, Scene, scene_of
from higan_cam.generate import sample_latents
from higan_cam.label import calibrated, make_scorers
from higan_cam.manipulate import entanglement, load_boundary
from higan_cam.measure.response import cross_response
from higan_cam.pipeline import Models, load_models
from higan_cam.store import open_store, read_run
from higan_cam.types import Boundary, FloatArray

SEED = 2**62 + 87
"""Of the faces that are moved; nothing else uses it."""
KNOWN = 2_000
"""Faces by which the line from w to the factors is known."""


def main() -> None:
    """Read the run's boundaries, move, print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("--faces", type=int, default=128, help="faces that are moved")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = list(load_config("faces").attributes)
    read = {name: parse_config(read_run(open_store(f"{options.run}/{name}"))["config"]) for name in names}
    runs = [
        (config.model_copy(update={"seed": SEED}), load_boundary(f"{options.run}/{name}/boundary/{name}.safetensors"))
        for name, config in read.items()
    ]
    models, own = load_models(runs[0][0]), make_scorers(config.scorer for config, _ in runs)
    scorers = [calibrated(scorer, boundary.metrics) for scorer, (_, boundary) in zip(own, runs, strict=True)]
    scores = cross_response(models, scorers, runs, list(range(options.faces)))[1]
    _print("by the scorers", names, names, entanglement(scores[:, :, 1:]))
    _print("by the factors", names, list(PROPERTIES), entanglement(_factors(models, runs, options.faces)))


def _factors(models: Models, runs: list[tuple[RunConfig, Boundary]], faces: int) -> FloatArray:
    """(B,N,2,P) properties of the faces as they are and moved by 3 along each boundary."""
    z = sample_latents(range(KNOWN), SEED, Z_DIM)
    with torch.inference_mode():
        codes = models.generator.map(torch.from_numpy(z)).numpy().astype(np.float64)
    line = np.linalg.lstsq(_with_one(codes), scene_of(z).values, rcond=None)[0]

    def read(w: FloatArray) -> FloatArray:
        scene = Scene((_with_one(w) @ line).astype(np.float32))
        return np.stack([scene.column(name) for name in PROPERTIES], axis=1)

    w = codes[:faces]
    return np.stack([np.stack([read(w), read(w + 3 * boundary.normal)], axis=1) for _, boundary in runs])


def _with_one(w: FloatArray) -> FloatArray:
    return np.concatenate([w, np.ones((len(w), 1))], axis=1)


def _print(title: str, rows: list[str], columns: list[str], values: FloatArray) -> None:
    print(f"\n| {title}: edit \\ property | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for name, row in zip(rows, values.tolist(), strict=True):
        print(f"| {name} | {' | '.join(f'{value:+.2f}' for value in row)} |")


if __name__ == "__main__":
    main()
