"""Running a trainer on Ray Train with 1..N workers."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import train
from ray.train import (
    ControllerError,
    FailureConfig,
    RunConfig,
    ScalingConfig,
    TrainingFailedError,
    UserCallback,
    WorkerGroupError,
)
from ray.train.torch import TorchTrainer, get_device

from higan_cam.config import GeneratorConfig, RuntimeConfig
from higan_cam.errors import ConfigError, DataError, HiganCamError, WeightsError, WorkersError
from higan_cam.pipeline.devices import prepare_process
from higan_cam.runtime.cluster.join import cluster, resources
from higan_cam.store.uris import read_place
from higan_cam.train.settings import Progress, Report, World

log = logging.getLogger(__name__)
RESTARTS = 2
"""How often all workers are started again after one has died."""
REFUSALS = (ConfigError, WeightsError, DataError)
"""What starting again does not help."""
TrainFunction = Callable[[Report, World], None]


def launch(
    function: TrainFunction,
    name: str,
    output: str | Path,
    workers: int | tuple[int, int],
    gpus: bool | None = None,
) -> dict[str, Any]:
    """Call `function(report, world)` in every worker of a Ray Train job; the metrics of the last report.

    Progress reaches the driver's log as plain lines. The function resumes from its own checkpoints in `output`, so the
    same command goes on after any interruption, and workers are started again where one of them dies. On GPUs where the
    cluster has one for each worker, else on CPUs.

    Args:
        workers: how many, or (fewest, most): as many of them as the cluster has room for, which is looked at again
            every minute and whenever one dies. They go on from the last checkpoint then.
        gpus: whether workers get one each, also of those that a cluster has yet to start; None: by what is there.

    Raises:
        HiganCamError: what a worker raised. WorkersError: they failed in another way, more often than is tried.
    """
    fewest, most = (workers, workers) if isinstance(workers, int) else workers
    with cluster(RuntimeConfig(), trains=True), _bookkeeping(output) as folder:
        on_gpus = sum(resources()[1]) >= fewest if gpus is None else gpus
        trainer = TorchTrainer(
            _worker,
            train_loop_config={"function": function, "use_gpu": on_gpus},
            scaling_config=ScalingConfig(num_workers=fewest if fewest == most else (fewest, most), use_gpu=on_gpus),
            run_config=RunConfig(
                name=name,
                storage_path=folder,
                failure_config=FailureConfig(max_failures=RESTARTS),
                callbacks=[_Refusals()],
            ),
        )
        with _in_words(name, output):
            return dict(trainer.fit().metrics or {})


class _Refusals(UserCallback):  # type: ignore[misc] # Ray leaves it untyped
    """Ends a training whose worker has refused: an error of a callback is one that Ray Train does not try again."""

    def after_exception(self, run_context: Any, worker_exceptions: Mapping[int, Exception]) -> None:
        """Raise what a worker refused with; nothing where one failed in another way."""
        del run_context
        for failure in worker_exceptions.values():
            known = _known(failure)
            if isinstance(known, REFUSALS):
                raise known


@contextmanager
def _in_words(name: str, output: str | Path) -> Iterator[None]:
    """Ray's error as the one of ours that lies within, or as one line."""
    try:
        yield
    except TrainingFailedError as error:
        failures = _failures(error)
        for failure in failures:
            known = _known(failure)
            if known is not None:
                raise known from error
        reasons = "; ".join(sorted({" ".join(str(failure).split())[:300] for failure in failures}))
        raise WorkersError(
            f"{name}: training failed, workers were started again {RESTARTS} times where that helps: {reasons}. "
            f"What was written is in {output}; the same command goes on from there"
        ) from error


def _failures(error: TrainingFailedError) -> list[Exception]:
    """What lies behind Ray's error."""
    if isinstance(error, WorkerGroupError):
        return list(error.worker_failures.values())
    return [error.controller_failure if isinstance(error, ControllerError) else error]


def _known(failure: BaseException | None) -> HiganCamError | None:
    """The first of our errors on the way from what Ray raises to its causes."""
    while failure is not None and not isinstance(failure, HiganCamError):
        failure = getattr(failure, "_base_exc", None) or getattr(failure, "cause", None) or failure.__cause__
    return failure


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
