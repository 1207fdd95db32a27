"""Printed lines, run as pasted: into a shell, into Python."""

from __future__ import annotations

import shlex
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import datasets
import pytest
from rich.console import Console

from higan_cam.cli.stages import _summarise
from higan_cam.config import RunConfig, parse_config
from higan_cam.publish.report.next_commands import load_line, next_commands, verify_line
from higan_cam.store import open_store
from tests.support.samples import commit_run, sample_of

NAMES = ["plain", "with space", "x [1]", "it's", 'a "b"', "$ `x`", "a*b?", "x #1", "[/bold]", ":fire:", "a;b&c"]


def configured(output: Path | str) -> RunConfig:
    return parse_config({"output": str(output), "mask": {"count": 2, "shard_size": 2}})


@pytest.mark.parametrize("name", NAMES)
def test_the_load_line_loads(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    commit_run(open_store(tmp_path / name), [sample_of(0), sample_of(1)])
    loaded = eval(load_line(configured(tmp_path / name)), {"datasets": datasets})  # noqa: S307 - what a user pastes
    assert loaded["train"].num_rows == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_hands_the_lines_on_whole(name: str, tmp_path: Path) -> None:
    config = configured(tmp_path / name)
    verify, load = (
        subprocess.run(["sh", "-c", f"printf '%s|' {each.line}"], capture_output=True, text=True, check=True).stdout
        for each in next_commands(config)
    )
    assert verify == f"higan-cam|verify|{config.output}|"
    assert load == f"python|-c|import datasets; print({load_line(config)})|"


def test_ordinary_lines_are_as_they_were() -> None:
    verify, load = next_commands(configured("runs/demo"))
    assert verify.line == "higan-cam verify runs/demo"
    assert load.line == "python -c \"import datasets; print(datasets.load_dataset('runs/demo'))\""


def test_a_bucket_is_loaded_by_its_files_of_each_split() -> None:
    config = parse_config({"output": "memory://b/run", "mask": {"count": 64, "shard_size": 16}})
    files = {split: f"memory://b/run/data/{split}-*.parquet" for split in ("train", "validation", "test")}
    assert load_line(config) == f"datasets.load_dataset('parquet', data_files={files!r})"


def test_home_is_a_folder_to_python_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_line(configured("~/run")) == f"datasets.load_dataset({str(tmp_path / 'run')!r})"


def test_a_name_that_looks_like_an_option_is_none() -> None:
    assert verify_line("-x") == "higan-cam verify ./-x"


@pytest.mark.parametrize("name", NAMES)
def test_the_end_of_a_run_prints_what_works_when_pasted(name: str) -> None:
    console, config = Console(file=StringIO(), width=20), configured(f"runs/{name}")
    outcome = SimpleNamespace(samples={}, seconds={}, report=f"runs/{name}/report/index.html")
    _summarise(console, config, outcome, ("report",))
    assert isinstance(console.file, StringIO)
    lines = dict(line.split(maxsplit=1) for line in console.file.getvalue().splitlines()[-3:])
    assert lines["report"] == outcome.report
    assert shlex.split(lines["check"]) == ["higan-cam", "verify", config.output]
    assert lines["load"] == load_line(config)
    compile(lines["load"], sys.executable, "eval")


def line_of(output: str) -> str:
    """Of a run with three shards: one for each split."""
    return load_line(parse_config({"output": output, "mask": {"count": 30, "shard_size": 10}}))


@pytest.mark.parametrize("output", ["runs/rooms", "/data/a b/it's", "runs/{a}"])
def test_a_folder_is_loaded_by_name(output: str) -> None:
    assert line_of(output) == f"datasets.load_dataset({output!r})"


def test_what_loaders_do_not_read_is_said_as_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (
        line_of("~/rooms") == line_of(f"file://{tmp_path}/rooms") == f"datasets.load_dataset({f'{tmp_path}/rooms'!r})"
    )


def test_brackets_are_no_pattern_and_a_bucket_is_no_folder() -> None:
    for output, escaped in (("runs/v[1]", "runs/v[[]1]"), ("s3://bucket/run", "s3://bucket/run")):
        files = {split: f"{escaped}/data/{split}-*.parquet" for split in ("train", "validation", "test")}
        assert line_of(output).startswith("datasets.load_dataset('parquet', data_files={")
        assert all(f"{split!r}: {name!r}" in line_of(output) for split, name in files.items())
