"""Where workers compute; and the trainer's command, through real Ray Train."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from higan_cam.generate.loading import generator_from_file
from higan_cam.train import launch as module
from higan_cam.train.settings import Report, World
from jobs.train_generator import main


def nothing(report: Report, world: World) -> None:
    """A training that is over at once."""


@pytest.mark.parametrize(
    ("workers", "gpus", "expected"), [(1, 0.0, False), (1, 1.0, True), (2, 1.0, False), (2, 8.0, True)]
)
def test_workers_compute_on_gpus_where_the_cluster_has_one_for_each(
    workers: int, gpus: float, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def trainer(_: object, **options: Any) -> SimpleNamespace:
        asked.update(options)
        return SimpleNamespace(fit=lambda: SimpleNamespace(metrics=None))

    monkeypatch.setattr(module, "cluster", lambda *_, **__: nullcontext())
    monkeypatch.setattr(module, "resources", lambda: (4.0, (gpus,)))
    monkeypatch.setattr(module, "TorchTrainer", trainer)
    module.launch(nothing, "none", tmp_path, workers)
    scaling, told = asked["scaling_config"], asked["train_loop_config"]
    assert (scaling.num_workers, scaling.use_gpu, told["use_gpu"]) == (workers, expected, expected)


@pytest.mark.parametrize(("use_gpu", "device"), [(False, "cpu"), (True, "cuda:3")])
def test_a_worker_prepares_its_device_and_tells_the_trainer(
    use_gpu: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[str] = []
    worlds: list[World] = []
    context = SimpleNamespace(get_world_rank=lambda: 1, get_world_size=lambda: 2)
    monkeypatch.setattr("ray.train.get_context", lambda: context)
    monkeypatch.setattr(module, "get_device", lambda: torch.device("cuda:3"))
    monkeypatch.setattr(module, "prepare_process", lambda name, _: prepared.append(name))
    module._worker({"function": lambda _, world: worlds.append(world), "use_gpu": use_gpu})
    assert prepared == [device]
    assert worlds == [World(1, 2, device)]


@pytest.mark.slow
@pytest.mark.integration
def test_two_workers_train_and_export_a_generator_that_loads(tmp_path: Path, local_ray: None) -> None:
    """In a process that has Ray already, as when a test before this one started it."""
    main(tmp_path, workers=2, channels="4,4,4,4", steps="3,3", rates="0.02,0.02", seed=0)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (saved["stage"], saved["step"]) == (1, 3)
    generator = generator_from_file(tmp_path / "generator.safetensors")
    assert generator.resolution == 32
    assert torch.isfinite(generator.synthesize(generator.truncate(generator.map(torch.randn(2, 128))))[0]).all()
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics) == {"psnr_db", "psnr_fixtures_db", "ghost_opacity", "ghost_opacity_abs"}
    assert (tmp_path / "samples.png").stat().st_size > 0
