"""Train the lighting scorer: python -m jobs.train_scorer --output runs/scorer [--workers N]

Trains a ResNet18 with an ordinal head on rendered rooms with Ray Train. Interrupt it at will: the same command goes on
from the last checkpoint. Leaves `scorer.safetensors` and `metrics.json` in the output folder.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.train.settings import ScorerSettings

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints and the finished weights.")],
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = ScorerSettings.steps,
    width: Annotated[int, typer.Option(help="Channels of the first stage.", min=4)] = ScorerSettings.width,
    resolution: Annotated[int, typer.Option(help="Side of the images, px.", min=32)] = ScorerSettings.resolution,
    recolour: Annotated[
        float, typer.Option(help="How far colours fade and mid-tones shift, at random.", min=0, max=1)
    ] = ScorerSettings.recolour,
    seed: Annotated[int, typer.Option(help="Seed of the training latents and initial weights.")] = ScorerSettings.seed,
) -> None:
    """Train, or go on training, the embedded scorer."""
    from higan_cam.train.export import train_and_export_scorer
    from higan_cam.train.launch import launch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = ScorerSettings(
        output=str(output.resolve()), steps=steps, width=width, resolution=resolution, recolour=recolour, seed=seed
    )
    launch(partial(train_and_export_scorer, settings), "train_scorer", output, workers)
    log.info("weights=%s", output / "scorer.safetensors")
    log.info("metrics=%s", json.dumps(json.loads((output / "metrics.json").read_text())))


if __name__ == "__main__":
    typer.run(main)
