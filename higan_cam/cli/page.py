"""`higan-cam app`: the page for one's own pictures."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.console import Console

from higan_cam.cli.options import say, with_ray
from higan_cam.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="app")(serve_page)


def serve_page(
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback asks for a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
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

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise ConfigError("the page needs Ray Serve: pip install 'higan-cam[app]'")
    from higan_cam.app.door import TOKEN, check_free, key_of, token_for

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
            shown = "" if token is None else f"/#token={'$' + TOKEN if TOKEN in os.environ else token}"
            say(console, f"page     http://{f'[{host}]' if ':' in host else host}:{port}{shown}")
            say(console, "Ctrl-C ends it; nothing is kept")
            until_stopped()
