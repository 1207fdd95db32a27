"""What a trained upscaler leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from higan_cam.errors import DataError
from higan_cam.mask.student.to_onnx import onnx_problem
from higan_cam.redraw.network import UpscalerNetwork
from higan_cam.redraw.upscaler import load_upscaler
from higan_cam.train.settings import World
from higan_cam.train.upscaler import export
from higan_cam.train.upscaler.export import CARD, FIGURES, ONNX, WEIGHTS, train_and_export_upscaler
from higan_cam.train.upscaler.fit import fit_upscaler
from higan_cam.train.upscaler.settings import UpscalerSettings
from tests.train.upscaler.test_fit import ignore

Settings = Callable[..., UpscalerSettings]


def test_waves_come_out_higher_than_by_bicubic_enlargement(small: Settings, tmp_path: Path) -> None:
    """The one thing there is to learn: how much of a wave of 7 px is lost when it is shrunk."""
    train_and_export_upscaler(small(images=320, learning_rate=3e-3, checkpoint_every=500), ignore, World())
    output = tmp_path / "out"
    figures = json.loads((output / FIGURES).read_text())
    assert figures["count"] == 2
    assert figures["figures"]["gain"]["low"] > 1
    assert figures["figures"]["edges"]["value"] < figures["figures"]["bicubic_edges"]["value"]
    assert load_upscaler(output / WEIGHTS).scale == 2
    assert "| gain |" in (output / CARD).read_text()
    assert (output / ONNX).exists() == (onnx_problem() is None)


def test_what_has_diverged_is_not_shipped(small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(settings: UpscalerSettings, *others: Any) -> UpscalerNetwork:
        network = fit_upscaler(settings, *others)
        network.first.weight.data.fill_(float("inf"))
        return network

    monkeypatch.setattr(export, "fit_upscaler", diverged)
    with pytest.raises(DataError, match=r"first\.weight is not finite"):
        train_and_export_upscaler(small(images=4), ignore, World())
    assert not (tmp_path / "out" / WEIGHTS).exists()
