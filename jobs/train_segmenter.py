"""Train a segmenter: python -m jobs.train_segmenter --output runs/parts [--data FOLDER --label-map lapa]

Trains a small network that says of every pixel which part of a face it is, on drawn faces whose parts are known, or on
your own pictures with label maps (FOLDER/images/NAME.jpg, FOLDER/masks/NAME.png, whose grey levels are the classes of
the label map), with Ray Train. Interrupt it at will: the same command goes on from the last checkpoint. Leaves
`segmenter.safetensors`, `metrics.json` and a card in the output folder.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.segmenter.settings import SegmenterSettings

from ._entry import run

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, figures and the finished weights.")],
    *,
    data: Annotated[Path | None, typer.Option(help="Folder with images/ and masks/ of the same names.")] = None,
    label_map: Annotated[str, typer.Option(help="What the masks' classes are.")] = SegmenterSettings.label_map,
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = SegmenterSettings.steps,
    batch: Annotated[int, typer.Option(help="Pictures per step.", min=1)] = SegmenterSettings.batch,
    side: Annotated[int, typer.Option(help="Side of the pictures, px.", min=32)] = SegmenterSettings.side,
    seed: Annotated[int, typer.Option(help="Of what is shown and of initial weights.", min=0)] = SegmenterSettings.seed,
) -> None:
    """Train, or go on training, a segmenter."""
    from higan_cam.train.launch import launch
    from higan_cam.train.segmenter.export import train_and_export_segmenter
    from higan_cam.train.segmenter.pictures import lessons_of
    from higan_cam.train.student.labelled import labelled_fingerprint

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:  # here, before workers start
        settings = SegmenterSettings(
            output=str(output.resolve()),
            pictures="" if data is None else str(data.resolve()),
            sha256="" if data is None else labelled_fingerprint(data),
            label_map=label_map,
            steps=steps,
            batch=batch,
            side=side,
            seed=seed,
        )
        lessons_of(settings)
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    launch(partial(train_and_export_segmenter, settings), "train_segmenter", output, workers)
    log.info("weights=%s", output / "segmenter.safetensors")
    log.info("metrics=%s", json.dumps(json.loads((output / "metrics.json").read_text())))


if __name__ == "__main__":
    run(main)
