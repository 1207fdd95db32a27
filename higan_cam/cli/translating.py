"""`higan-cam train translator`, `train unpaired` and `translate`: light learned from pictures, and put into others."""

from __future__ import annotations

import json
import logging
import shlex
from functools import partial
from typing import Annotated, Any

import typer

from higan_cam.cli import training
from higan_cam.cli.options import Config, Set, local_folder, parse_loss, thousands
from higan_cam.cli.pictures import put_light
from higan_cam.errors import ConfigError

ROOMS = "rooms"


def register(app: typer.Typer) -> None:
    """Add the commands to the application, and to `train`."""
    app.command()(translate)
    training.app.command()(translator)
    training.app.command()(unpaired)


def translate(
    pictures: Annotated[str, typer.Argument(help="Folder, glob, zip, tar, Parquet or CSV of pictures; any URI.")],
    output: Annotated[str, typer.Argument(help="Folder or URI (file, s3, gs) for the lit pictures and a page.")],
    *,
    model: Annotated[str, typer.Option(help="`rooms` (embedded), or a file of `higan-cam train translator`.")] = ROOMS,
    gain: Annotated[list[float] | None, typer.Option(help="0 (off) to 2 (twice); repeatable. 1 unless named.")] = None,
    kelvin: Annotated[list[float] | None, typer.Option(help="Colour temperature; repeatable.")] = None,
    side: Annotated[int, typer.Option(help="Look at so many px of a picture; 0: as it learned, -1: all.", min=-1)] = 0,
    masks: Annotated[
        str | None, typer.Option(help="Where the lamp is: masks of the same names; output of `recommend`, or a run.")
    ] = None,
    places: Annotated[str | None, typer.Option(help="Output of `recommend` on these pictures; else a student.")] = None,
    student: Annotated[str | None, typer.Option(help="`rooms` (embedded), or a file of jobs/train_student.py.")] = None,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Put the light that a network has learned into pictures where a student or a mask says, in pairs with words.

    As `light`, with the composer `translator`. The same command goes on where it stopped.
    """
    settings = {"weights": model, "side": side}
    where = {"masks": masks, "places": places}
    chosen = {"gains": gain, "kelvins": kelvin, **where, "composer": "translator", "settings": settings}
    put_light(pictures, output, chosen, student, config, set_)


def translator(
    output: Annotated[str, typer.Option(help="Folder for checkpoint, figures and the finished weights.")],
    *,
    data: Annotated[str, typer.Option(help="Output folder or URI of a run, or `rooms`, which are rendered.")] = ROOMS,
    off: Annotated[str | None, typer.Option(help="In place of --data: folder or archive with the lamps off.")] = None,
    on: Annotated[str | None, typer.Option(help="And on, of the same names.")] = None,
    masks: Annotated[str | None, typer.Option(help="And where they are, white; needless with --no-mask.")] = None,
    mask: Annotated[bool, typer.Option(help="The network is told where the lamp is.")] = True,
    dial: Annotated[bool, typer.Option("--dial", help="And how strong, which only `predict_light` asks it.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Show each pair's mirror image, too.")] = False,
    side: Annotated[int, typer.Option(help="Of the pictures, px.")] = 64,
    pairs: Annotated[float, typer.Option(help="Thousands of pairs to show in all.", min=0.001)] = 60.0,
    batch: Annotated[int, typer.Option(help="Pairs per step, over all workers.", min=1)] = 32,
    norm: Annotated[str, typer.Option(help="`group` or `instance`.")] = "group",
    response: Annotated[str | None, typer.Option(help="`film`, as rooms are, or `srgb`, as pictures mostly.")] = None,
    loss: Annotated[list[str] | None, typer.Option(help="NAME=WEIGHT of `higan_cam.losses`; repeatable.")] = None,
    adversarial: Annotated[float, typer.Option(help="Weight of a discriminator of patches.", min=0)] = 0.0,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "bfloat16",
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of weights, order and rooms.", min=0)] = 0,
) -> None:
    """Train a network that predicts a lamp's light, on pairs. The same command goes on where it stopped.

    A run's pairs are its two ends with its masks; its test split is held out. On Ray Train.
    """
    from higan_cam.train.checkpoints import load_checkpoint
    from higan_cam.train.launch import launch
    from higan_cam.train.optimise import share_of
    from higan_cam.train.settings import World
    from higan_cam.train.translator.export import FIGURES, WEIGHTS, train_and_export_translator, with_digest
    from higan_cam.train.translator.fit import losses_of
    from higan_cam.train.translator.reading import read_pairs
    from higan_cam.train.translator.settings import TranslatorSettings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = local_folder(output)
    settings = TranslatorSettings(
        output=str(folder),
        **_data(data, off, on, masks, response),
        condition=mask,
        dial=dial,
        mirror=mirror,
        side=side,
        images=thousands("--pairs", pairs),
        batch=batch,
        norm=norm,
        losses=tuple(parse_loss(text) for text in loss or []),
        adversarial=adversarial,
        precision=precision,  # type: ignore[arg-type]
        seed=seed,
    )
    share_of(settings.batch, World(size=workers))
    losses_of(settings)
    settings = with_digest(settings, None if settings.kind == "rooms" else read_pairs(settings))
    load_checkpoint(settings)  # what is wrong is said before workers start
    launch(partial(train_and_export_translator, settings), "train_translator", folder, workers)
    typer.echo(f"weights  {folder / WEIGHTS}")
    typer.echo(f"figures  {folder / FIGURES}")
    typer.echo(f"next     higan-cam translate PICTURES OUTPUT --model {shlex.quote(str(folder / WEIGHTS))}")


def unpaired(
    off: Annotated[str, typer.Option(help="Folder, glob, archive or table of pictures with the lamps off; any URI.")],
    on: Annotated[str, typer.Option(help="And with the lamps on, of whatever other scenes.")],
    output: Annotated[str, typer.Option(help="Folder for checkpoint, figures and the finished weights.")],
    *,
    side: Annotated[int, typer.Option(help="Of the pictures, px.")] = 64,
    pictures: Annotated[float, typer.Option(help="Thousands of pictures of each to show in all.", min=0.001)] = 20.0,
    finish: Annotated[
        float,
        typer.Option(help="Thousands of pairs, lit pictures and the same switched off, to learn from at last.", min=0),
    ] = 0.0,
    batch: Annotated[int, typer.Option(help="Pictures of each per step, over all workers.", min=1)] = 4,
    norm: Annotated[str, typer.Option(help="`group` or `instance`.")] = "instance",
    response: Annotated[str, typer.Option(help="`film`, as rooms are, or `srgb`, as pictures mostly.")] = "srgb",
    game: Annotated[
        str, typer.Option(help="`least_squares`, `non_saturating` or `relativistic`, against the discriminators.")
    ] = "least_squares",
    cycle: Annotated[float, typer.Option(help="Weight of the error after there and back.", min=0)] = 10.0,
    identity: Annotated[float, typer.Option(help="Weight of what is changed needlessly.", min=0)] = 5.0,
    through: Annotated[
        bool, typer.Option("--through", help="That error moves both networks, as published; else the second alone.")
    ] = False,
    noise: Annotated[float, typer.Option(help="In what is led back, of 1: what is hidden is lost.", min=0)] = 0.03,
    pool: Annotated[int, typer.Option(help="Earlier answers that discriminators see again; 0: none.", min=0)] = 50,
    mirror: Annotated[bool, typer.Option("--mirror", help="Show each picture's mirror image, too.")] = False,
    held_out: Annotated[int, typer.Option(help="Pictures of each folder that are never trained on.", min=1)] = 50,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of weights, orders and pools.", min=0)] = 0,
) -> None:
    """Train a translator on pictures with the lamp off and on of which no two are a pair (CycleGAN).

    The same command goes on where it stopped. It says where colours turned over, or answers are alike. On Ray Train.
    """
    from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED
    from higan_cam.pictures.source import absolute
    from higan_cam.train.checkpoints import load_checkpoint
    from higan_cam.train.launch import launch
    from higan_cam.train.optimise import share_of
    from higan_cam.train.settings import World
    from higan_cam.train.translator.export import FIGURES, WEIGHTS
    from higan_cam.train.translator.unpaired.export import train_and_export_unpaired, with_digest
    from higan_cam.train.translator.unpaired.reading import read_folders
    from higan_cam.train.translator.unpaired.settings import UnpairedSettings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = local_folder(output)
    settings = UnpairedSettings(
        output=str(folder),
        off=absolute(off),
        on=absolute(on),
        side=side,
        images=thousands("--pictures", pictures),
        finish=thousands("--finish", finish),
        batch=batch,
        norm=norm,
        response=response,
        game=game,
        cycle=cycle,
        identity=identity,
        through=through,
        noise=noise,
        pool=pool,
        mirror=mirror,
        held_out=held_out,
        precision=precision,  # type: ignore[arg-type]
        seed=seed,
    )
    share_of(settings.batch, World(size=workers))
    settings = with_digest(settings, read_folders(settings))
    load_checkpoint(settings)  # what is wrong is said before workers start
    launch(partial(train_and_export_unpaired, settings), "train_unpaired", folder, workers)
    typer.echo(f"weights  {folder / WEIGHTS}")
    typer.echo(f"figures  {folder / FIGURES}")
    for verdict in json.loads((folder / FIGURES).read_text())["verdicts"]:
        if verdict["value"] not in (CLEAN, NOT_MEASURED):
            typer.echo(f"{verdict['value']:<9}{verdict['words']}")
    typer.echo(f"next     higan-cam translate PICTURES OUTPUT --model {shlex.quote(str(folder / WEIGHTS))}")


def _data(data: str, off: str | None, on: str | None, masks: str | None, response: str | None) -> dict[str, Any]:
    """What is learned from, as the settings have it. ConfigError: options that do not go together."""
    from higan_cam.pictures.source import absolute
    from higan_cam.publish.exports.source import open_source
    from higan_cam.store.store import open_store

    if (off is None) != (on is None) or (masks is not None and off is None):
        raise ConfigError("--off, --on and --masks go together: folders whose files have the same names")
    if off is not None and on is not None:
        if data != ROOMS:
            raise ConfigError(f"--data {data}: either a run, or folders with --off and --on")
        places = tuple(absolute(place) for place in (off, on, masks) if place is not None)
        return {"kind": "folders", "datasets": places, "response": response or "srgb"}
    if data == ROOMS:
        return {"kind": "rooms", "response": response or "film"}
    store = open_store(data)
    attribute = str(open_source(store).config.get("attribute", "light"))
    return {"kind": "run", "datasets": (store.uri,), "attribute": attribute, "response": response or "srgb"}
