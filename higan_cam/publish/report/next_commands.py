"""What a run says to do next: lines to paste, whatever is in its name."""

from __future__ import annotations

import shlex

from higan_cam.config import RunConfig
from higan_cam.publish.pasting import in_shell, load_run
from higan_cam.publish.report.content import NextCommand
from higan_cam.publish.splits import plan_splits
from higan_cam.store import open_store
from higan_cam.store.keys import SPLITS


def next_commands(config: RunConfig) -> tuple[NextCommand, ...]:
    """What the report of a run says to do next, for a shell."""
    load = in_shell(f"import datasets; print({load_line(config)})")
    return (
        NextCommand(verify_line(config.output), "check every file against its digest"),
        NextCommand(load, "load the dataset (pip install datasets)"),
    )


def verify_line(output: str) -> str:
    """The command that checks a run, for a shell."""
    return f"higan-cam verify {shlex.quote(f'./{output}' if output.startswith('-') else output)}"


def load_line(config: RunConfig) -> str:
    """Python that loads the dataset of a run; by name where `datasets` takes it by name."""
    where = config.output
    if where.startswith(("~", "file:")):  # as written, but for what loaders do not read
        where = open_store(where, config.store).uri
    shards = -(-config.mask.count // config.mask.shard_size)
    held = {split for split, _, _ in plan_splits(shards, config.publish)}
    return load_run(where.rstrip("/"), [split for split in SPLITS if split in held])
