"""The command line, a file per group of commands."""

from higan_cam.cli.app import main

__all__ = ["main"]
