"""What a training run leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from higan_cam.errors import DataError
from higan_cam.mask.student import load_student
from higan_cam.mask.student.to_onnx import onnx_problem
from higan_cam.train.settings import World
from higan_cam.train.student.export import train_and_export_student
from higan_cam.train.student.settings import StudentSettings

Settings = Callable[..., StudentSettings]


def ignore(_: object) -> None:
    """Nobody watches."""


def test_it_leaves_weights_and_figures_and_the_same_bytes_again(small: Settings, tmp_path: Path) -> None:
    names = ["metrics.json", "student.safetensors", *([] if onnx_problem() else ["student.onnx"])]
    for name in ("one", "two"):
        train_and_export_student(small(output=str(tmp_path / name), attribute="warmth"), ignore, World())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    student = load_student(tmp_path / "one" / "student.safetensors")
    assert student.attribute == "warmth"
    assert torch.isfinite(student.maps(torch.zeros(1, 3, 16, 16))).all()
    figures = json.loads((tmp_path / "one" / "metrics.json").read_text())
    assert figures["facts"]["test samples"] == 6
    assert set(figures["agreement with held-out masks"]) == {"original", "negative", "image"}


def test_a_labelled_folder_alone_gives_a_student(small: Settings, labelled: Path, tmp_path: Path) -> None:
    settings = small(datasets=(), labelled=str(labelled))
    train_and_export_student(settings, ignore, World())
    assert json.loads((Path(settings.output) / "metrics.json").read_text())["agreement with held-out masks"] == {}
    assert load_student(Path(settings.output) / "student.safetensors").side == 16


def test_a_dataset_without_a_test_split_is_refused_before_training(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise DataError("no sample")

    monkeypatch.setattr("higan_cam.train.student.export.read_all", none)
    with pytest.raises(DataError):
        train_and_export_student(small(), ignore, World())
    assert not (Path(small().output) / "checkpoint.pt").exists()
