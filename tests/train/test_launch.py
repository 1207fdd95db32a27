"""Where workers compute; and the trainer's command, through real Ray Train."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ray.train import ControllerError, WorkerGroupError
from ray.train.v2._internal.exceptions import UserExceptionWithTraceback

from higan_cam.errors import ConfigError, StoreError, WorkersError
from higan_cam.generate.loading import generator_from_file
from higan_cam.train import launch as module
from higan_cam.train.launch import launch
from higan_cam.train.settings import Report, World
from jobs.train_generator import main


def dies_once(folder: Path, report: Report, world: World) -> None:
    """Rank 1 is killed at first; the next time both leave a file."""
    if world.rank == 1 and not (folder / "died").exists():
        (folder / "died").touch()
        time.sleep(2)  # one that dies while its group is still being set up ends the training
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / f"done-{world.rank}").touch()


def refuses(folder: Path, report: Report, world: World) -> None:
    """Notes that it was tried, and refuses."""
    (folder / f"tried-{len(list(folder.glob('tried-*')))}").touch()
    raise ConfigError("side: must be a power of 2, got 7")


def nothing(report: Report, world: World) -> None:
    """A training that is over at once."""


@pytest.mark.parametrize(
    ("workers", "gpus", "said", "expected"),
    [
        *((1, 0.0, None, False), (1, 1.0, None, True), (2, 1.0, None, False), (2, 8.0, None, True)),
        *(((1, 4), 1.0, None, True), ((2, 4), 1.0, None, False)),  # as many as there is room for
        *((8, 1.0, True, True), (1, 8.0, False, False)),  # a cluster that grows; GPUs that others need
    ],
)
def test_workers_compute_on_gpus_where_the_cluster_has_one_for_each_or_as_was_said(
    workers: int | tuple[int, int],
    gpus: float,
    said: bool | None,
    expected: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {}

    def trainer(_: object, **options: Any) -> SimpleNamespace:
        asked.update(options)
        return SimpleNamespace(fit=lambda: SimpleNamespace(metrics=None))

    monkeypatch.setattr(module, "cluster", lambda *_, **__: nullcontext())
    monkeypatch.setattr(module, "resources", lambda: (4.0, (gpus,)))
    monkeypatch.setattr(module, "TorchTrainer", trainer)
    module.launch(nothing, "none", tmp_path, workers, said)
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


@pytest.mark.slow
@pytest.mark.integration
def test_workers_are_started_again_when_one_is_killed(tmp_path: Path, local_ray: None) -> None:
    launch(partial(dies_once, tmp_path), "dies_once", tmp_path / "out", workers=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["died", "done-0", "done-1", "out"]


@pytest.mark.slow
@pytest.mark.integration
def test_what_a_worker_refuses_is_not_tried_again(tmp_path: Path, local_ray: None) -> None:
    with pytest.raises(ConfigError, match=r"^side: must be a power of 2, got 7$"):
        launch(partial(refuses, tmp_path), "refuses", tmp_path / "out", workers=1)
    assert [path.name for path in tmp_path.glob("tried-*")] == ["tried-0"]


def test_only_a_refusal_ends_a_training() -> None:
    ends, refused = module._Refusals(), UserExceptionWithTraceback(ConfigError("side"), "Traceback …")
    ends.after_exception(None, {0: RuntimeError("lost"), 1: StoreError("the bucket is slow")})
    with pytest.raises(ConfigError, match="side"):
        ends.after_exception(None, {0: RuntimeError("lost"), 1: refused})


def test_what_a_worker_refuses_is_said_in_its_own_words() -> None:
    refused = ConfigError("side: must be a power of 2, got 7")
    wrapped = UserExceptionWithTraceback(refused, "Traceback …")  # what Ray Train 2.60 hands on
    with pytest.raises(ConfigError, match=r"^side: must be a power of 2, got 7$"), module._in_words("gan", "runs/mine"):
        raise WorkerGroupError("1 of 1 failed", {0: wrapped})
    with pytest.raises(ConfigError, match=r"^side: must be a power of 2, got 7$"), module._in_words("gan", "runs/mine"):
        raise ControllerError(refused)


def test_other_failures_are_one_line_with_the_way_on() -> None:
    said = r"gan: .*out of memory.*runs/mine; the same command goes on"
    with pytest.raises(WorkersError, match=said), module._in_words("gan", "runs/mine"):
        raise WorkerGroupError("1 of 1 failed", {0: RuntimeError("out of\nmemory")})
