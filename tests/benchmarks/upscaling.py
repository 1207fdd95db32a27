"""`python -m tests.benchmarks.upscaling FOLDER`: upscalers trained on rooms, against the renderer at the large size.

Each is trained in a folder of its own below FOLDER, where the same command goes on; figures are on rooms that nothing
else uses. Needs EfficientNet-Lite0 (`higan-cam weights fetch efficientnet_lite0`). Predictions are written before the
figures: higan_cam/train/README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from higan_cam.config import ScorerConfig
from higan_cam.generate.images import from_uint8, to_uint8
from higan_cam.label import make_scorer
from higan_cam.losses import Parts, make_picture_losses
from higan_cam.measure.redrawn.upscaled import bicubic, measure_upscaler
from higan_cam.measure.values import estimate_means
from higan_cam.redraw.network import shrunk
from higan_cam.redraw.upscaler import Upscaler, as_upscaler, upscale
from higan_cam.rooms.photos import PHOTO_SEED, photos
from higan_cam.train.checkpoints import load_checkpoint
from higan_cam.train.upscaler.fit import fit_upscaler, start
from higan_cam.train.upscaler.pictures import large_of
from higan_cam.train.upscaler.settings import UpscalerSettings
from higan_cam.types import ByteArray

PIXEL = (("absolute", 1.0),)
LOSSES = {
    "pixel": PIXEL,
    "perceptual": (*PIXEL, ("features:efficientnet_lite0", 2.5e-5), ("gram:efficientnet_lite0", 1e-6)),
}
"""Weights with which the terms' gradients on a bicubic picture are 1 to .3 to .2."""
SEEDS = (0, 1)
LOOKED_AT = 30
"""Rooms of which networks say how far they are from the true ones: the first."""


def main() -> None:
    """Train what is not trained yet, measure all of it, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, nargs="+", default=[4, 2])
    parser.add_argument("--loss", choices=LOSSES, nargs="+", default=list(LOSSES))
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rooms = [room.image for room in photos(PHOTO_SEED, options.count, "G1", size=128)]
    found: dict[str, Any] = {}
    for seed, scale, name in product(SEEDS, options.scale, options.loss):
        if f"x{scale} bicubic" not in found:
            found[f"x{scale} bicubic"] = seen(None, scale, rooms[:LOOKED_AT])
        upscaler, seconds = trained(options.folder, scale, name, seed, options.images)
        row = asdict(measure_upscaler(upscaler, rooms, "area"))
        row |= seen(upscaler, scale, rooms[:LOOKED_AT]) | {"seconds": seconds}
        found[f"x{scale} {name} seed {seed}"] = row
        text = json.dumps(found, indent=1, allow_nan=False)
        (options.folder / "figures.json").write_text(f"{text}\n", encoding="utf-8")
    print(json.dumps(found, indent=1, allow_nan=False))


def trained(folder: Path, scale: int, name: str, seed: int, images: int) -> tuple[Upscaler, float]:
    """The upscaler, and the seconds of processor time that it took here; 0 where it was there."""
    output = folder / f"x{scale}-{name}-{seed}"
    settings = UpscalerSettings(
        output=str(output), scale=scale, losses=LOSSES[name], features=24, blocks=4, batch=4, images=images, seed=seed
    )
    began, there = time.process_time(), load_checkpoint(settings)
    if there is not None and there["step"] == settings.steps:
        learner = start(settings)
        learner.restore(there)
        return as_upscaler(learner.averaged, settings.kernel), 0.0
    network = fit_upscaler(settings, large_of(settings, None), lambda progress: print(progress, flush=True))
    return as_upscaler(network, settings.kernel), time.process_time() - began


def seen(upscaler: Upscaler | None, scale: int, rooms: list[ByteArray]) -> dict[str, Any]:
    """How far pictures are from the true ones to a network that training looked through, and to one that it did not."""
    scorer = make_scorer(ScorerConfig())
    weights = {"features:efficientnet_lite0": 1.0, "gram:efficientnet_lite0": 1.0, "features": 1.0}
    losses = make_picture_losses(weights, Parts(features=scorer.features))  # type: ignore[attr-defined]
    terms: dict[str, list[float]] = {name: [] for name in weights}
    for true in rooms:
        small = to_uint8(shrunk(from_uint8(true[None]), scale, "area"))[0]
        made = bicubic(small, scale) if upscaler is None else upscale(upscaler, small)
        with torch.no_grad():
            for name, value in losses(from_uint8(made[None]), from_uint8(true[None])).terms.items():
                terms[name].append(float(value))
    values = estimate_means({name: np.array(column) for name, column in terms.items()}, seed=0)
    return {"seen": {name: asdict(value) for name, value in values.items()}}


if __name__ == "__main__":
    main()
