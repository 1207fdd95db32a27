"""Running a trainer on Ray Train with 1..N workers."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import train
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device

from higan_cam.config import GeneratorConfig, RuntimeConfig
from higan_cam.pipeline.devices import prepare_process
from higan_cam.runtime.cluster.join import cluster, resources
from higan_cam.store.uris import read_place
from higan_cam.train.settings import Progress, Report, World

log = logging.getLogger(__name__)
TrainFunction = Callable[[Report, World], None]


def launch(function: TrainFunction, name: str, output: str | Path, workers: int) -> dict[str, Any]:
    """Call `function(report, world)` in every worker of a Ray Train job; the metrics of the last report.

    Progress reaches the driver's log as plain lines. The function resumes from its own checkpoints in `output`, so the
    same command goes on after any interruption. On GPUs where the cluster has one for each worker, else on CPUs.
    """
    with cluster(RuntimeConfig(), log_to_driver=True), _bookkeeping(output) as folder:
        gpus = sum(resources()[1])
        trainer = TorchTrainer(
            _worker,
            train_loop_config={"function": function, "use_gpu": gpus >= workers},
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus >= workers),
            run_config=RunConfig(name=name, storage_path=folder),
        )
        return dict(trainer.fit().metrics or {})


@contextmanager
def _bookkeeping(output: str | Path) -> Iterator[str]:
    """Where Ray Train notes what it does: beside a local output; nothing of it is needed again."""
    place = read_place(str(output))
    if place.protocol == "file":
        yield str(Path(place.path) / "ray")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def _worker(config: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    device = str(get_device()) if config["use_gpu"] else "cpu"
    prepare_process(device, GeneratorConfig())
    context = train.get_context()
    world = World(context.get_world_rank(), context.get_world_size(), device)
    function: TrainFunction = config["function"]
    function(_report, world)


def _report(progress: Progress) -> None:
    """A log line. Ray Train's own report is a barrier over all ranks, and only rank 0 has something to say."""
    numbers = " ".join(f"{name}={value:.4g}" for name, value in progress.metrics.items())
    log.info("stage=%s step=%d/%d %s", progress.stage, progress.step, progress.of, numbers)
