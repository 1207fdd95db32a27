"""Train an inpainter: python -m jobs.train_inpainter --dataset runs/demo --output runs/inpainter [--workers N]

Trains a small mask-conditioned diffusion model ("put light here") on the dataset of a run with Ray Train. Interrupt it
at will: the same command goes on from the last checkpoint. Leaves `inpainter.safetensors`, `metrics.json`, a grid of
pictures and `index.html` in the output folder; with --publish, the run's own report shows them as well.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.inpaint.settings import InpaintSettings

from ._entry import run

log = logging.getLogger(__name__)


def main(
    dataset: Annotated[str, typer.Option(help="Output folder or URI of the run to learn from.")],
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, figures and the finished weights.")],
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = InpaintSettings.steps,
    size: Annotated[int, typer.Option(help="Side of the pictures, px.", min=8)] = InpaintSettings.size,
    channels: Annotated[str, typer.Option(help="Feature channels of each level.")] = "48,64,96",
    seed: Annotated[int, typer.Option(help="Seed of examples, noise and initial weights.")] = InpaintSettings.seed,
    publish: Annotated[bool, typer.Option("--publish", help="Put figures and pictures into the run's report.")] = False,
) -> None:
    """Train, or go on training, the inpainter."""
    from higan_cam.store.store import open_store
    from higan_cam.train.inpaint.data import fingerprint
    from higan_cam.train.inpaint.export import publish_inpainter, train_and_export_inpainter
    from higan_cam.train.inpaint.model import build_inpainter
    from higan_cam.train.launch import launch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        store = open_store(dataset)
        settings = InpaintSettings(
            output=str(output.resolve()),
            dataset=store.uri,
            shards=fingerprint(store),
            size=size,
            channels=_numbers(channels),
            steps=steps,
            seed=seed,
        )
        build_inpainter(settings)
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    launch(partial(train_and_export_inpainter, settings), "train_inpainter", output, workers)
    log.info("report=%s", output / "index.html")
    if publish:
        publish_inpainter(output, store)
        log.info("published=%s; `higan-cam report` draws it into the run's report", store.uri)


def _numbers(text: str) -> tuple[int, ...]:
    """ "48,64,96" -> (48, 64, 96)."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"--channels {text}: expected whole numbers with commas, such as 48,64,96") from error


if __name__ == "__main__":
    run(main)
