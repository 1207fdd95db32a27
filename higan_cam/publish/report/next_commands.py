"""Lines to paste, whatever is in the name of the run: spaces, quotes, brackets."""

from __future__ import annotations

import glob
import shlex

from higan_cam.config import RunConfig
from higan_cam.publish.report.content import NextCommand
from higan_cam.publish.splits import plan_splits
from higan_cam.store import open_store
from higan_cam.store.keys import DATA, SPLITS


def next_commands(config: RunConfig) -> tuple[NextCommand, ...]:
    """What the report of a run says to do next, for a shell."""
    load = f"import datasets; print({load_line(config)})"
    quoted = f'"{load}"' if not set(load) & set('"$`\\!') else shlex.quote(load)
    return (
        NextCommand(verify_line(config.output), "check every file against its digest"),
        NextCommand(f"python -c {quoted}", "load the dataset (pip install datasets)"),
    )


def verify_line(output: str) -> str:
    """The command that checks a run, for a shell."""
    return f"higan-cam verify {shlex.quote(f'./{output}' if output.startswith('-') else output)}"


def load_line(config: RunConfig) -> str:
    """Python that loads the dataset of a run.

    `datasets` takes a plain local folder by name. Of a bucket, and of a folder with what it reads as a pattern, it
    takes files alone.
    """
    where = config.output
    if "://" in where or where.startswith("~"):
        where = open_store(where, config.store).uri
    if "://" not in where and glob.escape(where) == where:
        return f"datasets.load_dataset({where!r})"
    shards = -(-config.mask.count // config.mask.shard_size)
    held = {split for split, _, _ in plan_splits(shards, config.publish)}
    start = glob.escape(where.rstrip("/"))
    files = {split: f"{start}/{DATA}/{split}-*.parquet" for split in SPLITS if split in held}
    return f"datasets.load_dataset('parquet', data_files={files!r})"
