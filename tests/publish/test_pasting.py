"""Lines that are printed do what they say when they are pasted, whatever the folder is called."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from higan_cam.config import parse_config
from higan_cam.publish.exports import EXPORTS, export_run
from higan_cam.publish.pasting import in_shell, load_run
from higan_cam.publish.report.next_commands import next_commands
from higan_cam.store.store import Store, open_store
from tests.publish.exports.runs import COUNT, EMPTY, write_run

FOLDER = 'it\'s [1] {a,b} *q? "x" #1 $5 `y` 50% !z'
LOADED = COUNT - len(EMPTY)
COUNTING = """
import glob, datasets, sys
datasets.disable_progress_bars()
print(sum(len(rows) for rows in ({line}).values()))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A finished run in a folder that shells and file patterns would read otherwise."""
    store = open_store(tmp_path_factory.mktemp("pasted") / FOLDER / "run")
    write_run(store)
    return store


def printed(code: str, folder: Path) -> str:
    """What Python prints, in a process of its own."""
    return said([sys.executable, "-c", code], folder)


def said(command: list[str], folder: Path, **variables: str) -> str:
    environment = {**os.environ, "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1", **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["controlnet", "imagefolder", "webdataset"])
def test_the_line_of_an_export_loads_every_sample(name: str, run: Store, tmp_path: Path) -> None:
    result = export_run(run, open_store(tmp_path / FOLDER / name), name)
    assert printed(COUNTING.format(line=result.load), tmp_path) == f"{LOADED}\n"


def test_the_line_for_webdataset_finds_the_tars(run: Store, tmp_path: Path) -> None:
    result = export_run(run, open_store(tmp_path / "it's [1] {a,b} *q %20" / "tars"), "webdataset")
    code = f"import glob, webdataset\nprint(sum(1 for _ in {result.load}))"
    assert printed(code, tmp_path) == f"{result.samples['train']}\n"


def test_the_line_for_coco_names_the_files(run: Store, tmp_path: Path) -> None:
    result = export_run(run, open_store(tmp_path / FOLDER / "coco"), "coco")
    code = f"import torchvision\nprint(len({result.load}))"
    assert printed(code, tmp_path).splitlines()[-1] == str(result.samples["train"])


def test_the_line_for_kohya_starts_the_script_in_the_export(run: Store, tmp_path: Path) -> None:
    target, scripts = tmp_path / FOLDER / "kohya", tmp_path / "sd scripts"
    result = export_run(run, open_store(target), "kohya")
    launcher = tmp_path / "bin" / "accelerate"
    launcher.parent.mkdir()
    launcher.write_text('#!/bin/sh\npwd\nfor each; do echo "$each"; done\nls dataset.toml\n')
    launcher.chmod(0o755)
    path = f"{launcher.parent}:{os.environ['PATH']}"
    here, *words, found = said(
        ["bash", "-c", result.load], tmp_path, PATH=path, SD_SCRIPTS=str(scripts), MODEL="a model.safetensors"
    ).splitlines()
    assert (here, found) == (str(target), "dataset.toml")
    assert words[:4] == [
        "launch",
        f"{scripts}/train_network.py",
        "--pretrained_model_name_or_path",
        "a model.safetensors",
    ]
    assert words[-1] == str(tmp_path / "lora")
    with pytest.raises(AssertionError, match="MODEL: is not set"):
        said(["bash", "-c", result.load], tmp_path, PATH=path, SD_SCRIPTS=str(scripts))


def test_the_lines_of_a_report_load_and_verify_the_run(run: Store, tmp_path: Path) -> None:
    config = parse_config({"output": run.uri})
    verify, load = (each.line for each in next_commands(config))
    assert shlex.split(verify) == ["higan-cam", "verify", run.uri]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    told = said(["bash", "-c", load], tmp_path, PATH=path)
    assert all(f"{split}: Dataset" in told for split in ("train", "validation", "test"))


def test_plain_paths_are_said_plainly() -> None:
    verify, load = (each.line for each in next_commands(parse_config({"output": "runs/rooms"})))
    assert verify == "higan-cam verify runs/rooms"
    assert load == "python -c \"import datasets; print(datasets.load_dataset('runs/rooms'))\""


def test_a_bucket_is_read_by_file_patterns() -> None:
    line = "datasets.load_dataset('parquet', data_files={'train': 's3://b/run [[]1]/data/train-*.parquet'})"
    assert load_run("s3://b/run [1]", ["train"]) == load_run("s3://b/run [1]", []) == line


@pytest.mark.parametrize("text", ["plain", "it's", 'a "b"', "$HOME", "`x`", "a\\b", "!x", "two\nlines"])
def test_a_shell_passes_python_on_as_it_is(text: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    line = in_shell(f"import sys; sys.stdout.write({text!r})")
    assert said(["bash", "-c", line], tmp_path, PATH=path) == text


@pytest.mark.parametrize("uri", ["s3://bucket/a b", "gs://bucket/it's"])
def test_a_bucket_is_fetched_before_sd_scripts_reads_it(uri: str) -> None:
    line = EXPORTS["kohya"]({}).load(uri, ("train",))
    assert uri in shlex.split(line)
    assert ("aws" in shlex.split(line)) == uri.startswith("s3://")


def test_train_data_dir_of_the_train_folder_is_the_train_split_alone(run: Store, tmp_path: Path) -> None:
    """As diffusers' scripts read `--train_data_dir`: everything below it."""
    result = export_run(run, open_store(tmp_path / "plain"), "imagefolder")
    for folder, count in (("plain/train", result.samples["train"]), ("plain", LOADED)):
        line = f"datasets.load_dataset('imagefolder', data_files={{'train': {str(tmp_path / folder / '**')!r}}})"
        assert printed(COUNTING.format(line=line), tmp_path) == f"{count}\n"
