"""What the commands of a run print to be pasted holds the path that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.cli.stages import _load_line
from higan_cam.config import parse_config


def line(output: str) -> str:
    """Of a run with three shards: one for each split."""
    return _load_line(parse_config({"output": output, "mask": {"count": 30, "shard_size": 10}}))


@pytest.mark.parametrize("output", ["runs/rooms", "/data/a b/it's", "runs/{a}"])
def test_a_folder_is_loaded_by_name(output: str) -> None:
    assert line(output) == f"datasets.load_dataset({output!r})"


def test_what_loaders_do_not_read_is_said_as_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert line("~/rooms") == line(f"file://{tmp_path}/rooms") == f"datasets.load_dataset({f'{tmp_path}/rooms'!r})"


def test_brackets_are_no_pattern_and_a_bucket_is_no_folder() -> None:
    for output, escaped in (("runs/v[1]", "runs/v[[]1]"), ("s3://bucket/run", "s3://bucket/run")):
        files = {split: f"{escaped}/data/{split}-*.parquet" for split in ("train", "validation", "test")}
        assert line(output).startswith("datasets.load_dataset('parquet', data_files={")
        assert all(f"{split!r}: {name!r}" in line(output) for split, name in files.items())
