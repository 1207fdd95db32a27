"""`higan-cam train`: what is trained on people's own pictures."""

from __future__ import annotations

import json
import logging
import math
import shlex
from functools import partial
from typing import Annotated, Any

import typer

from higan_cam.cli.options import thousands

app = typer.Typer(name="train", no_args_is_help=True, help="Train on your own pictures.")


def register(parent: typer.Typer) -> None:
    """Add the commands to the application."""
    parent.add_typer(app)


@app.callback()
def _commands() -> None:
    """Keep `gan` a command of its own while it is the only one."""


@app.command()
def gan(
    data: Annotated[str, typer.Option(help="Folder, glob, zip, tar, Parquet or CSV of pictures; any URI.")],
    output: Annotated[
        str, typer.Option(help="Folder or URI for checkpoint, samples, report and the finished weights.")
    ],
    *,
    network: Annotated[
        str | None, typer.Option(help="`stylegan2` unless named, or the quicker and plainer `dcgan`.")
    ] = None,
    side: Annotated[
        int | None, typer.Option(help="Of the pictures, px: a power of 2 from 8 to 512; 64 unless named.")
    ] = None,
    colours: Annotated[str, typer.Option(help="`rgb`, or `grey`, for samples without colour.")] = "rgb",
    fit: Annotated[str, typer.Option(help="`crop` takes a picture's middle square, `pad` all of it.")] = "crop",
    second: Annotated[
        str, typer.Option(help="Other pictures, whose look samples take; --data says how they are arranged.")
    ] = "",
    switch_side: Annotated[
        int, typer.Option(help="With --second: layers from this side on, px, have a code of their own.", min=0)
    ] = 0,
    property: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        typer.Option(help="Scorer, NAME[:TARGET][=WEIGHTS], whose reading can be asked for; may be repeated."),
    ] = None,
    property_weight: Annotated[float, typer.Option(help="How much samples must have what was asked for.")] = 1.0,
    keep: Annotated[
        float, typer.Option(help="With --property: how much samples must stay as they are where nothing is asked for.")
    ] = 0.4,
    init: Annotated[str, typer.Option(help="Weights to start at, as `generator.weights` takes them.")] = "",
    init_discriminator: Annotated[
        str, typer.Option(help="Its discriminator; the file of training beside it unless named.")
    ] = "",
    freeze: Annotated[
        list[str] | None, typer.Option(help="Pattern of parameters that stay, such as `mapping.*`; may be repeated.")
    ] = None,
    freeze_discriminator: Annotated[
        int, typer.Option(help="Layers of the discriminator that stay, from the picture on.", min=0)
    ] = 0,
    kimg: Annotated[float, typer.Option(help="Thousands of pictures to show in all.", min=0.001)] = 200.0,
    batch: Annotated[int | None, typer.Option(help="Pictures per step; the network's own unless named.")] = None,
    loss: Annotated[str, typer.Option(help="`non_saturating` with R1, or `relativistic` with R1 and R2.")] = (
        "non_saturating"
    ),
    augment: Annotated[
        str, typer.Option(help="`none`, `diffaugment`, `ada` (adaptive), or `classic` (leaks).")
    ] = "none",
    precision: Annotated[str, typer.Option(help="`float32`, or `bfloat16` where it is faster.")] = "float32",
    ada_kimg: Annotated[float, typer.Option(help="Thousands of pictures in which `ada` can go from 0 to 1.")] = 500.0,
    mirror: Annotated[bool, typer.Option("--mirror", help="Show each picture's mirror image, too.")] = False,
    held_out: Annotated[int, typer.Option(help="Pictures kept apart, to see learning by heart.", min=0)] = 0,
    measure: Annotated[
        int, typer.Option(help="Samples that are compared with pictures, up to four times; 0: none.", min=0, max=20_000)
    ] = 2000,
    features: Annotated[
        list[str] | None, typer.Option(help="Network to compare by, may be repeated; all at hand unless named.")
    ] = None,
    workers: Annotated[str, typer.Option(help="Data-parallel workers; 1-2: as many as there is room for.")] = "1",
    gpus: Annotated[
        bool | None, typer.Option("--gpus/--cpus", help="A GPU for each worker, or none; by what is there unless said.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order, codes and augmentation.", min=0)] = 0,
) -> None:
    """Train a generator on a folder of pictures. The same command goes on where it stopped.

    What comes out is a file that `generator.weights` takes. On Ray Train, on GPUs where there is one for each worker.
    """
    from higan_cam.cli.options import parse_workers
    from higan_cam.measure.generation.features import check_known
    from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED
    from higan_cam.pictures.source import absolute
    from higan_cam.store import open_store
    from higan_cam.store.keys import REPORT_KEY
    from higan_cam.store.uris import read_place
    from higan_cam.train.checkpoints import load_checkpoint
    from higan_cam.train.gan.export import FIGURES, SHEET, WEIGHTS, train_and_export_gan, with_digest
    from higan_cam.train.gan.pictures import read_pictures
    from higan_cam.train.gan.settings import recipe
    from higan_cam.train.gan.steering.properties import check_slopes
    from higan_cam.train.gan.steering.sources import read_second
    from higan_cam.train.gan.transfer import transferred
    from higan_cam.train.gan.watch import Watching
    from higan_cam.train.launch import launch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    named: dict[str, Any] = {"network": network, "side": side, "batch": batch}
    begin = partial(transferred, init, init_discriminator) if init or init_discriminator else recipe
    settings = begin(
        output=read_place(output).uri,
        pictures=absolute(data),
        colours=colours,
        fit=fit,
        images=thousands("--kimg", kimg),
        loss=loss,
        augment=augment,
        precision=precision,
        ada_kimg=ada_kimg,
        mirror=mirror,
        apart=held_out,
        seed=seed,
        properties=tuple(property or ()),
        property_weight=property_weight,
        keep_weight=keep,
        second=absolute(second) if second else "",
        switch_side=switch_side,
        freeze=tuple(freeze or ()),
        freeze_discriminator=freeze_discriminator,
        **{name: value for name, value in named.items() if value is not None},
    )
    watching = Watching(samples=measure, features=tuple(features or ()))
    check_known(watching.features)
    fewest, most = parse_workers(workers)
    _check_shares(settings.batch, fewest, most)
    for source in filter(None, (data, second)):
        _check_apart(settings.output, source)
    settings, _ = read_second(with_digest(settings, read_pictures(settings)))
    check_slopes(settings.properties)
    load_checkpoint(settings)  # what is wrong is said before workers start
    launch(
        partial(train_and_export_gan, settings, watching=watching), "train_gan", settings.output, (fewest, most), gpus
    )
    typer.echo(f"weights  {output}/{WEIGHTS}")
    typer.echo(f"samples  {output}/{SHEET}")
    typer.echo(f"report   {output}/{REPORT_KEY}")
    for verdict in json.loads(open_store(settings.output).get(FIGURES))["verdicts"]:
        if verdict["value"] not in (CLEAN, NOT_MEASURED):
            typer.echo(f"{verdict['value']:<9}{verdict['words']}")
    if read_place(output).protocol == "file":
        typer.echo(f"next     higan-cam run --set {shlex.quote(f'generator.weights={output}')}")
    else:
        typer.echo(f"next     copy {WEIGHTS} to this machine, and: higan-cam run --set generator.weights=FILE")


def _check_shares(batch: int, fewest: int, most: int) -> None:
    """ConfigError: a batch that one of these numbers of workers cannot share evenly."""
    from higan_cam.config.layers import format_spans
    from higan_cam.errors import ConfigError

    sizes = range(fewest, most + 1)
    uneven = [size for size in sizes if batch % size]
    if uneven:
        raise ConfigError(
            f"--batch: {batch} pictures do not divide by {uneven[0]} of --workers {format_spans(sizes)}; "
            f"take {math.lcm(*sizes)} or a multiple of it, or other workers"
        )


def _check_apart(output: str, data: str) -> None:
    """ConfigError: what training writes would be among its pictures."""
    from higan_cam.errors import ConfigError
    from higan_cam.pictures.source import absolute

    inside, outside = absolute(output).rstrip("/"), absolute(data).rstrip("/")
    if inside == outside or inside.startswith(f"{outside}/"):
        raise ConfigError(
            f"--output {output} lies in --data {data}: its sheets would be trained on; choose a place outside"
        )
