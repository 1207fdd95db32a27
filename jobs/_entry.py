"""What the job entry points share: the command line's own options, with the stage fixed."""

from __future__ import annotations

import sys

from higan_cam import cli  # beside this package in a checkout, above it in a wheel (`higan_cam.jobs`)


def enter(command: str) -> None:
    """Run one command of `higan-cam` with this process' arguments."""
    sys.argv.insert(1, command)
    cli.main()
