"""The command line. Heavy imports (torch, ray) happen inside the commands, so that --help is immediate."""

from __future__ import annotations

import logging
import sys
from importlib import metadata
from typing import Annotated

import typer

from higan_cam.cli import (
    curation,
    directions,
    doctor,
    edit,
    measure,
    page,
    pictures,
    redraw,
    runs,
    settings,
    stages,
    training,
    translating,
    weights,
)
from higan_cam.cli.options import one_line_errors


def _print_version(asked: bool) -> None:
    if asked:
        print(f"higan-cam {metadata.version('higan-cam')}")  # noqa: T201
        raise typer.Exit


app = typer.Typer(
    name="higan-cam",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Turn what a GAN has learned into training data.

Samples a generator, labels the images, finds the direction of an attribute, pushes latents to both sides of it, and
writes image pairs with the masks of where the attribute answers, as a dataset that diffusion trainers read.

Start here: **higan-cam run --output runs/demo** (offline, a few minutes on two cores).""",
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


_GROUPS = (
    *(stages, pictures, page, settings, runs, curation, edit, directions),
    *(measure, training, translating, redraw, doctor, weights),
)
for group in _GROUPS:  # in the order of --help
    group.register(app)


def main() -> None:
    """Entry point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for noisy in ("ray", "httpx", "fsspec", "botocore", "aiobotocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with one_line_errors():
        app()
