"""Train the lighting scorer: python -m jobs.train_scorer --output runs/scorer [--workers N]

Trains a ResNet18 with an ordinal head on rendered rooms with Ray Train; with `--data FOLDER`, on your own pictures in
folders 0 (unlit), 1, 2 and 3 (bright); with `--backbone places365 --weights resnet18_places365.pth.tar`, from a network
that knows scenes. Interrupt it at will: the same command goes on from the last checkpoint. Leaves `scorer.safetensors`,
a file for `scorer.weights`, and `metrics.json` in the output folder.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.scorer.settings import ScorerSettings

from ._entry import run

log = logging.getLogger(__name__)
FROZEN_RATE, FINE_TUNING_RATE = 2e-3, 2e-4
"""Peak learning rates of a head alone, and of a network that has learned already."""


class Backbone(StrEnum):
    """What the network starts from."""

    NONE = "none"
    PLACES365 = "places365"


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints and the finished weights.")],
    *,
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = ScorerSettings.steps,
    width: Annotated[int, typer.Option(help="Channels of the first stage.", min=4)] = ScorerSettings.width,
    resolution: Annotated[int, typer.Option(help="Side of the images, px.", min=32)] = ScorerSettings.resolution,
    recolour: Annotated[
        float, typer.Option(help="How far colours fade and mid-tones shift, at random.", min=0, max=1)
    ] = ScorerSettings.recolour,
    seed: Annotated[int, typer.Option(help="Of training latents and initial weights.", min=0)] = ScorerSettings.seed,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the folders 0 to 3, or CSV of path,level, instead of renders.")
    ] = None,
    backbone: Annotated[Backbone, typer.Option(help="What the network starts from.")] = Backbone.NONE,
    weights: Annotated[Path | None, typer.Option(help="File of the backbone, in the published layout.")] = None,
    freeze: Annotated[bool, typer.Option("--freeze/--fine-tune", help="Train the head alone, or all of it.")] = False,
) -> None:
    """Train, or go on training, a lighting scorer."""
    from higan_cam.train.launch import launch
    from higan_cam.train.scorer.export import train_and_export_scorer
    from higan_cam.train.scorer.fit import PLACES365_SIDE, PLACES365_WIDTH, batches_of, initial_scorer
    from higan_cam.train.scorer.pictures import checked_pictures
    from higan_cam.weights.paths import expanded

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = ScorerSettings(
        output=str(output.resolve()),
        steps=steps,
        width=width,
        resolution=resolution,
        recolour=recolour,
        seed=seed,
        pictures=None if data is None else str(expanded(data).resolve()),
    )
    if (backbone is Backbone.PLACES365) != (weights is not None):
        raise typer.BadParameter("--backbone places365 and --weights FILE go together; give both or none")
    if weights is not None:
        settings = replace(
            settings,
            backbone=str(expanded(weights).resolve()),
            frozen=freeze,
            width=PLACES365_WIDTH,
            resolution=PLACES365_SIDE,
            learning_rate=FROZEN_RATE if freeze else FINE_TUNING_RATE,
        )
    try:  # here, before workers start
        initial_scorer(settings), batches_of(settings)
        if settings.pictures is not None:
            checked_pictures(Path(settings.pictures))
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    launch(partial(train_and_export_scorer, settings), "train_scorer", output, workers)
    log.info("weights=%s", output / "scorer.safetensors")
    log.info("metrics=%s", json.dumps(json.loads((output / "metrics.json").read_text())))


if __name__ == "__main__":
    run(main)
