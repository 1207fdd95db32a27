"""Train an encoder: python -m jobs.train_encoder --weights rooms --output runs/encoder [--workers N]

Trains a small network that reads a generator's codes off pictures, with Ray Train, on the generator's own samples as a
camera would take them; any generator that `generator.weights` reads, also one without w. Interrupt it at will: the
same command goes on from the last checkpoint. Leaves `encoder.safetensors`, `metrics.json` and a grid of pictures in
the output folder, and the samples that it drew in `samples/`.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.encoder.settings import EncoderSettings

from ._entry import run

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, samples and the finished weights.")],
    *,
    weights: Annotated[
        str, typer.Option(help="Generator whose codes are read: `rooms`, a fetched checkpoint's name, or a file.")
    ] = EncoderSettings.generator,
    boundary: Annotated[
        Path | None, typer.Option(help="File of a boundary of that generator: samples are pushed along it, too.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = EncoderSettings.steps,
    samples: Annotated[
        int, typer.Option(help="Samples that are drawn once and kept; 0 draws new ones at every step.", min=0)
    ] = EncoderSettings.samples,
    side: Annotated[int, typer.Option(help="Side of what the encoder sees, px.", min=16)] = EncoderSettings.side,
    deltas: Annotated[bool, typer.Option("--deltas", help="Let the rows of w+ differ.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of samples, views and initial weights.")] = EncoderSettings.seed,
) -> None:
    """Train, or go on training, an encoder."""
    from higan_cam.train.encoder.export import train_and_export_encoder
    from higan_cam.train.encoder.fit import source_of
    from higan_cam.train.launch import launch
    from higan_cam.weights.embedded import EMBEDDED_GENERATORS
    from higan_cam.weights.files import sha256_of
    from higan_cam.weights.zoo import weights_file

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:  # here, before workers start
        settings = EncoderSettings(
            output=str(output.resolve()),
            generator=weights,
            generator_sha256=sha256_of(weights_file(weights, EMBEDDED_GENERATORS)),
            boundary=None if boundary is None else str(boundary.resolve()),
            boundary_sha256="" if boundary is None else sha256_of(boundary),
            steps=steps,
            samples=samples,
            side=side,
            deltas=deltas,
            seed=seed,
        )
        source_of(settings)
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    launch(partial(train_and_export_encoder, settings), "train_encoder", output, workers)
    log.info("weights=%s", output / "encoder.safetensors")
    log.info("metrics=%s", json.dumps(json.loads((output / "metrics.json").read_text())))


if __name__ == "__main__":
    run(main)
