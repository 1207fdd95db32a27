"""The commands that serve a page: `app` for one's own pictures, `label-by-hand` for labels of a run's latents."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from higan_cam.cli.options import Run, Weights, say, with_ray
from higan_cam.errors import ConfigError

if TYPE_CHECKING:
    from higan_cam.app.by_hand.asking import Round
    from higan_cam.app.by_hand.drawing import Drawer
    from higan_cam.store import Store

Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(name="app")(serve_page)
    app.command()(label_by_hand)


def serve_page(
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback asks for a token.")] = "127.0.0.1",
    port: Port = 8000,
    student: Annotated[str, typer.Option(help="`rooms` (embedded), or a file of jobs/train_student.py.")] = "rooms",
    replicas: Annotated[int, typer.Option(help="Processes that answer, a CPU each.", min=1, max=64)] = 1,
) -> None:
    """A page for your own pictures: where light could go, a lamp there, brighter, dimmer, warmer, cooler.

    Serves until Ctrl-C. Nothing that is uploaded is kept. Other addresses than loopback ask for the token in
    HIGAN_CAM_APP_TOKEN, or for a new one that is printed once.
    """
    from higan_cam.config import RuntimeConfig
    from higan_cam.runtime.cluster.head import LOCAL, ray_address
    from higan_cam.runtime.cluster.join import cluster

    _check_extra()
    from higan_cam.app.door import check_free, key_of, token_for

    console, runtime = Console(emoji=False), RuntimeConfig()
    if ray_address(runtime) != LOCAL:  # Serve is one for a whole cluster: ours would take its place, and end it
        raise ConfigError(
            f"RAY_ADDRESS: {ray_address(runtime)!r} is a cluster, and the page runs on this machine alone; unset it, "
            "or use cluster_configs/kuberay/rayservice.yaml"
        )
    check_free(host, port)
    token = token_for(host, os.environ)
    with with_ray(runtime, "stopped") as head:
        from higan_cam.app.serving import served, until_stopped
        from higan_cam.app.site import Settings
        from higan_cam.mask.student import load_student

        load_student(student)  # what is wrong with it is said before anything is served
        settings = Settings(student, key_of(token, host))
        with cluster(runtime, head), served(settings, host, port, replicas):
            say(console, f"page     {_address(host, port, token)}")
            say(console, "Ctrl-C ends it; nothing is kept")
            until_stopped()


def label_by_hand(
    run: Run,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Table of labels; one that is there goes on.")] = Path(
        "labels.csv"
    ),
    name: Annotated[str, typer.Option(help="What is labelled.")] = "quality",
    yes: Annotated[str, typer.Option(help="What label 1 means.")] = "yes",
    no: Annotated[str, typer.Option(help="What label 0 means.")] = "no",
    count: Annotated[int, typer.Option(help="How many latents.", min=1)] = 2000,
    repeat: Annotated[float, typer.Option(help="Share that is shown twice.", min=0, max=0.5)] = 0.05,
    seed: Annotated[int, typer.Option(help="Of the order.", min=0, max=2**63)] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8001,
    weights: Weights = None,
) -> None:
    """A page on which you label a run's latents by hand: a picture, two keys, undo. Again: it goes on.

    The table has `index,label` after every answer. Serves until Ctrl-C, which says how far you are and how often you
    agreed with yourself. The page asks for the token in HIGAN_CAM_APP_TOKEN, or for a new one that is printed once.
    """
    _check_extra()
    from higan_cam.app.by_hand.drawing import drawer_of
    from higan_cam.app.by_hand.serving import Server, serve
    from higan_cam.app.by_hand.site import site
    from higan_cam.app.by_hand.words import Words, end_lines, next_command
    from higan_cam.app.door import check_free, key_of, token_for
    from higan_cam.store import open_store

    console, store = Console(emoji=False), open_store(run)
    _check_table(output, store)
    check_free(host, port)
    token = token_for("0.0.0.0", os.environ)  # noqa: S104 - binds nothing; on loopback too, for something is written
    drawer = drawer_of(store, weights or [])
    count, after = min(count, drawer.latents), next_command(run, output, name)
    words = Words(name, yes, no, count, repeat, str(output), after)
    asking = _round(drawer, output, name, (count, repeat, seed))

    def listening() -> None:
        say(console, f"page     {_address(host, port, token)}")
        say(console, "Ctrl-C ends it; every answer is kept, and the same command goes on")

    status = serve(Server(site(asking, drawer, words, key_of(token)), host, port, listening))
    for line in end_lines(asking.answers(), words):
        say(console, line)
    raise typer.Exit(status)


def _check_extra() -> None:
    """ConfigError: what serves pages is not installed."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise ConfigError("the page needs Ray Serve: pip install 'higan-cam[app]'")


def _address(host: str, port: int, token: str | None) -> str:
    """What to open; a token that the user has set is not repeated."""
    from higan_cam.app.door import TOKEN

    shown = "" if token is None else f"/#token={'$' + TOKEN if TOKEN in os.environ else token}"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{shown}"


def _check_table(output: Path, store: Store) -> None:
    """ConfigError: no place for a table of labels."""
    from higan_cam.store.uris import read_place

    if output.suffix.lower() != ".csv":
        raise ConfigError(f"--output {output}: a table is written; end its name in .csv")
    place = read_place(store.uri)
    if place.protocol == "file" and output.resolve().is_relative_to(Path(place.path).resolve()):
        raise ConfigError(f"--output {output}: lies in the run, which keeps what it made itself alone; choose another")


def _round(drawer: Drawer, output: Path, name: str, plan: tuple[int, float, int]) -> Round:
    """The questions, as count, share of repeats and seed say; the table is there afterwards."""
    from higan_cam.app.by_hand.asking import Plan, Round
    from higan_cam.app.by_hand.labels import LabelFile

    return Round(Plan(drawer.latents, *plan), LabelFile(output, drawer.latents, {"name": name, **drawer.of}))
