"""`higan-cam train upscaler` and `higan-cam upscale`: what small pictures lack, learned and put in."""

from __future__ import annotations

import logging
import shlex
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from higan_cam.cli import training
from higan_cam.cli.options import Config, Set, load, local_folder, parse_files, parse_loss, thousands, with_ray
from higan_cam.cli.pictures import end
from higan_cam.cli.redraw.stylising import stylise


def register(app: typer.Typer) -> None:
    """Add the commands to the application, and to `train`."""
    app.command()(upscale)
    app.command()(stylise)
    training.app.command()(upscaler)


def upscale(
    pictures: Annotated[str, typer.Argument(help="Folder, glob, zip, tar, Parquet or CSV of pictures; any URI.")],
    output: Annotated[str, typer.Argument(help="Folder or URI (file, s3, gs) for the larger pictures and a page.")],
    *,
    model: Annotated[str, typer.Option(help="File of `higan-cam train upscaler`, or one that spandrel knows.")],
    config: Config = None,
    set_: Set = None,
) -> None:
    """Enlarge every picture by a network, whatever its size. The same command goes on where it stopped."""
    from higan_cam.runtime.imports import quick_imports
    from higan_cam.store.keys import UPSCALED

    arguments = {"source": {"kind": "pictures", "pictures": pictures}, "upscale": {"weights": model}}
    settings, console = load(config, set_, output, "default", arguments), Console(emoji=False)
    with with_ray(settings.runtime) as head:
        with quick_imports():  # PyTorch, seconds of it, in which Ray comes up
            from higan_cam.runtime.upscale import upscale as enlarge

        outcome = enlarge(settings, console, head)
    end(console, outcome, UPSCALED, "upscaled")


def upscaler(
    output: Annotated[str, typer.Option(help="Folder for checkpoint, figures and the finished weights.")],
    *,
    data: Annotated[
        str, typer.Option(help="Folder, glob, archive or table of pictures; any URI; or `rooms`, which are rendered.")
    ] = "rooms",
    scale: Annotated[int, typer.Option(help="How much larger: 2 or 4.")] = 2,
    kernel: Annotated[str, typer.Option(help="How pictures are shrunk, antialiased: `area` or `bicubic`.")] = "area",
    side: Annotated[int, typer.Option(help="Of the pieces that it learns from, px, at the large size.")] = 128,
    loss: Annotated[
        list[str] | None, typer.Option(help="NAME=WEIGHT of `higan_cam.losses`; repeatable. absolute=1 unless named.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE of networks that losses look through, such as vgg16.")
    ] = None,
    adversarial: Annotated[float, typer.Option(help="Weight of a discriminator of patches.", min=0)] = 0.0,
    pieces: Annotated[float, typer.Option(help="Thousands of pieces to show in all.", min=0.001)] = 8.0,
    batch: Annotated[int, typer.Option(help="Pieces per step, over all workers.", min=1)] = 8,
    features: Annotated[int, typer.Option(help="Of the network's layers.", min=1)] = 32,
    blocks: Annotated[int, typer.Option(help="Of the network, two layers each.", min=1)] = 6,
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of weights, order and pieces.", min=0)] = 0,
) -> None:
    """Train a network that enlarges pictures. The same command goes on where it stopped. On Ray Train.

    It learns from pictures that are shrunk here; a tenth of them is held out, and measured on beside bicubic
    enlargement.
    """
    from higan_cam.pictures.source import absolute
    from higan_cam.train.checkpoints import load_checkpoint
    from higan_cam.train.launch import launch
    from higan_cam.train.optimise import share_of
    from higan_cam.train.settings import World
    from higan_cam.train.upscaler.export import FIGURES, WEIGHTS, train_and_export_upscaler
    from higan_cam.train.upscaler.fit import losses_of
    from higan_cam.train.upscaler.pictures import read_pictures, with_digest
    from higan_cam.train.upscaler.settings import ROOMS, UpscalerSettings
    from higan_cam.weights.files import sha256_of

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder, files = local_folder(output), parse_files(network or [])
    settings = UpscalerSettings(
        output=str(folder),
        pictures=data if data == ROOMS else absolute(data),
        scale=scale,
        kernel=kernel,
        side=side,
        losses=tuple(parse_loss(text) for text in loss or ["absolute=1"]),
        networks=tuple(files.items()),
        digests=tuple((name, sha256_of(file)) for name, file in files.items()),
        adversarial=adversarial,
        images=thousands("--pieces", pieces),
        batch=batch,
        features=features,
        blocks=blocks,
        seed=seed,
    )
    share_of(settings.batch, World(size=workers))
    losses_of(settings)
    settings = with_digest(settings, read_pictures(settings))
    load_checkpoint(settings)  # what is wrong is said before workers start
    launch(partial(train_and_export_upscaler, settings), "train_upscaler", folder, workers)
    typer.echo(f"weights  {folder / WEIGHTS}")
    typer.echo(f"figures  {folder / FIGURES}")
    typer.echo(f"next     higan-cam upscale PICTURES OUTPUT --model {shlex.quote(str(folder / WEIGHTS))}")
