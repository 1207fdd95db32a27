"""Running a trainer on Ray Train with 1..N workers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from ray import train
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from higan_cam.config import RuntimeConfig
from higan_cam.runtime.cluster.join import cluster
from higan_cam.train.settings import Progress, Report, World

log = logging.getLogger(__name__)
TrainFunction = Callable[[Report, World], None]


def launch(function: TrainFunction, name: str, output: Path, workers: int) -> dict[str, Any]:
    """Call `function(report, world)` in every worker of a Ray Train job; the metrics of the last report.

    Progress reaches the driver's log as plain lines. The function resumes from its own checkpoints in `output`, so the
    same command goes on after any interruption.
    """
    with cluster(RuntimeConfig(), log_to_driver=True):
        trainer = TorchTrainer(
            _worker,
            train_loop_config={"function": function},
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=False),
            run_config=RunConfig(name=name, storage_path=str((output / "ray").resolve())),
        )
        return dict(trainer.fit().metrics or {})


def _worker(config: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    context = train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    function: TrainFunction = config["function"]
    function(_report, world)


def _report(progress: Progress) -> None:
    """A log line. Ray Train's own report is a barrier over all ranks, and only rank 0 has something to say."""
    numbers = " ".join(f"{name}={value:.4g}" for name, value in progress.metrics.items())
    log.info("stage=%s step=%d/%d %s", progress.stage, progress.step, progress.of, numbers)
