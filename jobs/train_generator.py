"""Train an embedded generator: python -m jobs.train_generator --output runs/generator [--world faces] [--workers N]

Distils the renderer of a toy world, of rooms or faces, into a StyleGAN2-shaped generator with Ray Train. Interrupt it
at will: the same command goes on from the last checkpoint. Leaves `generator.safetensors`, sample grids and
`metrics.json` in the output folder.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.train.distill.settings import RECIPES, DistillSettings, Stage

from ._entry import run

log = logging.getLogger(__name__)
Number = TypeVar("Number", int, float)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, grids and the finished weights.")],
    world: Annotated[str, typer.Option(help=f"Whose pictures: {' or '.join(RECIPES)}.")] = "rooms",
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    channels: Annotated[str, typer.Option(help="Feature channels from 4 px up; the world's own if not given.")] = "",
    steps: Annotated[str, typer.Option(help="Steps at 16, 32, 64, … px; the world's own if not given.")] = "",
    rates: Annotated[str, typer.Option(help="Peak learning rates, one a stage; the world's own if not given.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the training latents and initial weights.")] = 0,
) -> None:
    """Train, or go on training, an embedded generator."""
    from higan_cam.train.distill.export import train_and_export_generator
    from higan_cam.train.launch import launch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if world not in RECIPES:
        raise unknown_name("--world", world, RECIPES)
    recipe = RECIPES[world]
    counts = _numbers("steps", steps, int) or [stage.steps for stage in recipe.stages]
    peaks = _numbers("rates", rates, float) or [stage.learning_rate for stage in recipe.stages]
    if len(counts) != len(peaks) or len(counts) < 2:
        raise typer.BadParameter(
            f"--steps and --rates need one value a stage, two stages or more: {steps!r}, {rates!r}"
        )
    stages = tuple(
        Stage(resolution=16 * 2**number, steps=count, learning_rate=peak)
        for number, (count, peak) in enumerate(zip(counts, peaks, strict=True))
    )
    widths = tuple(_numbers("channels", channels, int))
    settings = DistillSettings(output=str(output.resolve()), world=world, channels=widths, stages=stages, seed=seed)
    launch(partial(train_and_export_generator, settings), "train_generator", output, workers)
    log.info("weights=%s", output / "generator.safetensors")
    log.info("metrics=%s", json.dumps(json.loads((output / "metrics.json").read_text())))


def _numbers(option: str, text: str, kind: Callable[[str], Number]) -> list[Number]:
    try:
        return [kind(each) for each in text.split(",")] if text else []
    except ValueError as error:
        raise ConfigError(f"--{option}: expected numbers separated by commas, got {text!r}") from error


if __name__ == "__main__":
    run(main)
