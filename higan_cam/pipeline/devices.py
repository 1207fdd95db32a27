"""Kinds of devices: two processes on one kind, with the same versions, make the same bytes."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from higan_cam.config import GeneratorConfig, RunConfig
from higan_cam.pipeline.models import Models, load_models


def device_kind(device: str) -> str:
    """ "cuda NVIDIA H100 80GB HBM3" or "cpu x86_64 AVX2 Intel(R) …": what decides rounding, and no more than that."""
    if device.startswith("cuda"):
        return f"cuda {torch.cuda.get_device_name()}"
    return " ".join(filter(None, ("cpu", platform.machine(), torch.backends.cpu.get_cpu_capability(), _processor())))


def _processor() -> str:
    try:
        line = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return platform.processor()
    return line[1].strip() if line else platform.processor()


def device_here() -> str:
    """Where a command without a run puts its networks: a GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def models_here(config: RunConfig) -> Models:
    """The networks in this process, on a GPU if there is one, with the arithmetic that the configuration asks for."""
    device = device_here()
    prepare_process(device, config.generator)
    return load_models(config, device)


@contextmanager
def one_thread() -> Iterator[None]:
    """The block's CPU work on one thread, in a process that may have others: the same sums on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def prepare_process(device: str, config: GeneratorConfig) -> None:
    """Once per worker, before it loads a network: threads on a CPU, arithmetic on a GPU.

    CPU: one BLAS thread; two in one process can be ten times slower on shared cores. GPU: the precision asked for (by
    itself PyTorch lets cuDNN round float32 to TF32), and algorithms that give the same bits every time.
    """
    if device == "cpu":
        torch.set_num_threads(1)
        return
    coarse = config.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = coarse
    torch.backends.cudnn.allow_tf32 = coarse
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
