"""The actor that enlarges: with the network that the run names, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.config import load_config
from higan_cam.errors import WeightsError
from higan_cam.redraw.network import UpscalerNetwork
from higan_cam.redraw.upscaler import save_upscaler
from higan_cam.runtime.workers.upscale import UpscaleWorker
from higan_cam.store import begin_run, open_store


def test_another_network_under_the_same_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "upscaler.safetensors"
    save_upscaler(file, UpscalerNetwork(2, 4, 1), "area")
    said = ["source.kind=pictures", f"source.pictures={tmp_path}", f"upscale.weights={file}"]
    worker = object.__new__(UpscaleWorker)
    worker.config, worker.device = load_config(None, said, output=str(tmp_path / "out")), "cpu"
    worker.store = open_store(worker.config.output)
    begin_run(worker.store, worker.config, {"upscaler": "0" * 64})
    with pytest.raises(WeightsError, match=f"run.json names {'0' * 64}"):
        worker.load()
