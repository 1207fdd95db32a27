"""Train a mapper of one text: python -m jobs.train_mapper --output runs/dark --to "a dark room" --from "a room"

Trains a small network that says how each code of a generator has to move for a text to come true of its picture
(StyleCLIP's mapper), in this process. Interrupt it at will: the same command goes on from the last checkpoint. Leaves
`mapper.safetensors` in the output folder, for `higan_cam.train.text.mapper.load_mapper`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.text.mapper import MapperSettings

from ._entry import run

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints and the finished mapper.")],
    *,
    text: Annotated[str, typer.Option("--to", help="What is wanted, as 'a dark room'.")],
    neutral: Annotated[str, typer.Option("--from", help="What is there, as 'a room'.")],
    generator: Annotated[str, typer.Option(help="`rooms`, a fetched one by name, or a file.")] = "rooms",
    clip: Annotated[str, typer.Option(help="`rooms`, or the file of an open_clip model.")] = "rooms",
    arch: Annotated[str | None, typer.Option("--clip-arch", help="Its name, as ViT-B-32; default: beside it.")] = None,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = MapperSettings.steps,
    seed: Annotated[int, typer.Option(help="Of codes and of initial weights.", min=0)] = MapperSettings.seed,
) -> None:
    """Train, or go on training, a mapper."""
    import torch

    from higan_cam.generate import load_generator
    from higan_cam.pipeline.directions import TextAsked, text_model_of, wish_of
    from higan_cam.train.text.mapper import fit_mapper, save_mapper

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        settings = MapperSettings(
            output=str(output.resolve()),
            text=text,
            neutral=neutral,
            generator=generator,
            clip=clip,
            arch=arch,
            steps=steps,
            seed=seed,
        )
        asked = TextAsked(text, neutral, clip, arch)
        wish = wish_of(text_model_of(asked, generator), asked, torch.device("cpu"))
        drawing = load_generator(generator)
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    mapper = fit_mapper(settings, drawing, wish, lambda progress: log.info("%s", progress))
    save_mapper(output / "mapper.safetensors", mapper, settings)
    log.info("mapper=%s", output / "mapper.safetensors")


if __name__ == "__main__":
    run(main)
