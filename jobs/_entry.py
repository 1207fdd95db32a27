"""What the job entry points share: the command line's own options, with the stage fixed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from higan_cam import cli  # beside this package in a checkout, above it in a wheel (`higan_cam.jobs`)
from higan_cam.cli.options import one_line_errors


def run(main: Callable[..., None]) -> None:
    """Run a command with options of its own; its errors are told as those of `higan-cam`."""
    with one_line_errors():
        typer.run(main)


def enter(command: str) -> None:
    """Run one command of `higan-cam` with this process' arguments."""
    sys.argv.insert(1, command)
    cli.main()
