"""How `gpu` and `gpu_ways` set a device up and take its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from higan_cam.config import RunConfig, load_config
from higan_cam.pipeline.devices import prepare_process
from higan_cam.types import Precision

PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")


@contextmanager
def arithmetic(device: str, precision: Precision) -> Iterator[None]:
    """The process as a worker with that precision has it."""
    prepare_process(device, load_config(None, [f"generator.precision={precision}"]).generator)
    yield
    prepare_process(device, load_config(None, []).generator)


def with_precision(config: RunConfig, precision: Precision) -> RunConfig:
    """The configuration with another precision of the generator."""
    return config.model_copy(update={"generator": config.generator.model_copy(update={"precision": precision})})


def seconds_of(work: Callable[[], object], device: str, least: float) -> float:
    """Wall clock per call over at least that many seconds, after two calls to warm up."""
    work(), work()
    wait(device)
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < least:
        work()
        calls += 1
    wait(device)
    return (time.perf_counter() - began) / calls


def wait(device: str) -> None:
    """Until the device has done all that it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
