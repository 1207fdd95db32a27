"""`edit` from the command line: pictures where they were asked for, and mistakes without traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from higan_cam.config import parse_config
from higan_cam.generate import StyleGAN
from higan_cam.manipulate import save_boundary
from higan_cam.publish.images import decode_image
from higan_cam.store import begin_run, open_store
from higan_cam.types import Boundary
from tests.support.commands import Command
from tests.support.generators import small


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random generator in HiGAN's layout, two boundaries, and HiGAN's list of them."""
    folder = tmp_path_factory.mktemp("edit")
    torch.save(small(StyleGAN).float().state_dict(), folder / "g.pth")
    for axis, name in enumerate(["wood", "view"]):
        save_boundary(Boundary(np.eye(24, dtype=np.float32)[axis], 0.0, "w", (2, 3), name), folder)
    lines = "(wood, w): wood.safetensors\nDISABLE(dirt, w): dirt.npy\n(view, w): view.safetensors\n"
    (folder / "list.txt").write_text(lines)
    return folder


def test_edits_along_several_weighted_boundaries(higan_cam: Command, folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "new" / "strip.png"
    status, told, _ = higan_cam(
        *("edit", "--set", f"generator.weights={folder / 'g.pth'}", "--index", "0-1", "--distances=-3,0,3"),
        *("-b", f"{folder / 'wood.safetensors'}:0.5", "-b", str(folder / "view.safetensors"), "--to", str(sheet)),
    )
    assert status == 0
    assert "drawn    6 pictures" in told
    assert "no scores: the embedded scorer knows the embedded rooms only" in told
    assert decode_image(sheet.read_bytes()).shape[1] == 2 * 20 + 3 * 128 + 2 * 6


def test_higans_list_gives_strips_along_each_boundary(higan_cam: Command, folder: Path, tmp_path: Path) -> None:
    _, told, _ = higan_cam(
        *("edit", "--set", f"generator.weights={folder / 'g.pth'}", "--set", "scorer.name=luminance", "--index", "4"),
        *("--boundary-list", str(folder / "list.txt"), "--distances=-3,3", "--to", str(tmp_path / "s.png")),
    )
    assert "drawn    4 pictures" in told
    assert "scores by luminance" in told


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--mix", "0,3", "--rows", "0-5"], 4),
        (["--mix", "0,3", "--resolutions", "4-8"], 4),
        (["--interpolate", "0,3", "--steps", "5"], 5),
    ],
)
def test_two_samples_are_mixed_or_joined(
    arguments: list[str], count: int, higan_cam: Command, folder: Path, tmp_path: Path
) -> None:
    where = ["--set", f"generator.weights={folder / 'g.pth'}", "--to", str(tmp_path / "s.png")]
    _, told, _ = higan_cam("edit", *where, *arguments)
    assert f"drawn    {count} pictures" in told


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        ([], "takes one of --boundary, --boundary-list, --mix, --interpolate; got none", 2),
        (["--mix", "0,3", "--interpolate", "0,3"], "got --mix and --interpolate", 2),
        (["--mix", "0,3"], "either --rows, such as 0-5, or --resolutions", 2),
        (["--mix", "0,3", "--rows", "0-8"], "--rows: the generator has layers 0-7, got '0-8'", 2),
        (["--mix", "0,3", "--resolutions", "big"], "--resolutions must be pixels", 2),
        (["--interpolate", "0-3"], "takes two samples", 2),
        (["-b", "none.npy"], "none.npy: cannot be read", 2),
        (["-b", "{folder}/wood.safetensors", "--index", "3-1"], "--index must be sample numbers", 2),
        (["-b", "{folder}/wood.safetensors", "--layers", "3-9"], "edit.layers: the generator has layers 0-7", 2),
        (["--interpolate", "0,1", "--to", "/proc/s.png"], "--to /proc/s.png: cannot be written", 1),
    ],
)
def test_a_mistake_is_one_message(
    arguments: list[str], said: str, status: int, higan_cam: Command, folder: Path
) -> None:
    filled = [argument.format(folder=folder) for argument in arguments]
    code, _, told = higan_cam("edit", "--set", f"generator.weights={folder / 'g.pth'}", *filled)
    assert code == status
    assert said in " ".join(told.split())
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("command", "weights", "sections"),
    [
        ("recommend", {"student": "0" * 64}, {}),
        ("light", {"student": "0" * 64}, {"light": {"gains": [1.0]}}),
        ("upscale", {"upscaler": "0" * 64}, {"upscale": {"weights": "up.safetensors"}}),
    ],
)
def test_an_output_without_a_generator_is_told_by_its_command(
    command: str, weights: dict[str, str], sections: dict[str, Any], higan_cam: Command, tmp_path: Path
) -> None:
    begin_run(open_store(tmp_path), parse_config(sections), weights)
    code, _, told = higan_cam("edit", "--run", str(tmp_path), "--interpolate", "0,1", "--to", str(tmp_path / "s.png"))
    assert code == 1
    assert f"an output of `higan-cam {command}`, which has no generator" in " ".join(told.split())
    assert "name one of `higan-cam run`" in " ".join(told.split())
