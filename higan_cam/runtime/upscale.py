"""`higan-cam upscale`: every picture of a listing, larger."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from higan_cam.config import LightConfig, RunConfig
from higan_cam.errors import ConfigError
from higan_cam.publish.report.students.upscaled import write_upscaled_report
from higan_cam.redraw.upscaler import load_upscaler
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.listed import on_listed_pictures
from higan_cam.runtime.run import Outcome
from higan_cam.runtime.stages.pool import Task
from higan_cam.runtime.workers.upscale import UpscaleWorker
from higan_cam.store.keys import UPSCALED
from higan_cam.weights.files import sha256_of


def upscale(config: RunConfig, console: Console | None = None, head: Head | None = None) -> Outcome:
    """Every picture of `config.source`, larger, and a page of the first ones.

    Raises:
        HiganCamError: configuration, weights or store problems; what is already written stays.
        LeaseHeldError: another driver is at work on this output.
    """
    if config.upscale.weights is None:
        raise ConfigError("upscale.weights: no network is named; give --model FILE, of `higan-cam train upscaler`")
    file = str(Path(config.upscale.weights).expanduser().absolute())  # as workers elsewhere find it
    load_upscaler(file)  # what is wrong with it is said before anything is written
    chosen = {"upscale": config.upscale.model_copy(update={"weights": file}), "light": LightConfig()}
    task, digests = Task(stage=UPSCALED, worker=UpscaleWorker), {"upscaler": sha256_of(file)}
    return on_listed_pictures(
        config.model_copy(update=chosen), task, digests, write_upscaled_report, console or Console(), head, gpus=True
    )
