"""Train a network that knows rooms and words: python -m jobs.train_text --output runs/text

Trains two towers, one for pictures and one for sentences, on procedural rooms, sentences about them and what
the embedded generator draws, with Ray Train. Interrupt it at will: the same command goes on from the last checkpoint.
Leaves `text.safetensors` (for `--clip` of `higan-cam directions`), `metrics.json` and a card in the output folder.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.text.settings import TextSettings

from ._entry import run

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, figures and the finished weights.")],
    *,
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = TextSettings.steps,
    batch: Annotated[int, typer.Option(help="Pictures per step.", min=1)] = TextSettings.batch,
    side: Annotated[int, typer.Option(help="At which pictures are looked at, px.", min=32)] = TextSettings.side,
    samples: Annotated[int, typer.Option(help="Rooms that the generator draws.", min=1)] = TextSettings.samples,
    seed: Annotated[int, typer.Option(help="Of what is shown and of initial weights.", min=0)] = TextSettings.seed,
) -> None:
    """Train, or go on training, two towers."""
    from higan_cam.train.launch import launch
    from higan_cam.train.text.export import train_and_export_towers

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:  # here, before workers start
        settings = TextSettings(
            output=str(output.resolve()), steps=steps, batch=batch, side=side, samples=samples, seed=seed
        )
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    launch(partial(train_and_export_towers, settings), "train_text", output, workers)
    log.info("weights=%s", output / "text.safetensors")
    log.info("metrics=%s", json.dumps(json.loads((output / "metrics.json").read_text())))


if __name__ == "__main__":
    run(main)
