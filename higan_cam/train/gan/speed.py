"""How many pictures a second training takes in either precision, on this machine, now."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from higan_cam.train.gan.settings import PRECISIONS, Precision

WORTH_MEASURING = 2000
"""Steps to go from which on a run begins by measuring: fewer are soon done."""
ROUNDS = 3
MARGIN = 1.1
"""Faster by less is the neighbours."""


def rates(
    steps: Callable[[Precision], Callable[[int], Tensor]], batch: int, device: str = "cpu", rounds: int = ROUNDS
) -> dict[Precision, float]:
    """Pictures a second: medians over rounds in which the precisions take turns, since machines are busy now and then.

    Networks are made anew for every turn, and are gone before the other precision's are made: memory holds one set. The
    step that is measured follows step 0, which warms up and takes the penalties that come seldom: those are left out.

    Args:
        steps: precision -> a function that takes a training step of that number; its networks are thrown away.
        batch: pictures per step.
    """
    seconds: dict[Precision, list[float]] = {precision: [] for precision in PRECISIONS}
    for _ in range(rounds):
        for precision, taken in seconds.items():
            taken.append(_second_step(steps(precision), device))
            gc.collect()  # networks and their optimisers may know each other
    return {precision: batch / statistics.median(taken) for precision, taken in seconds.items()}


def _second_step(take: Callable[[int], Tensor], device: str) -> float:
    """Seconds of step 1."""
    take(0)
    _settle(device)
    began = time.perf_counter()
    take(1)
    _settle(device)
    return time.perf_counter() - began


def advice(found: Mapping[Precision, float], chosen: Precision) -> str:
    """A line for the log: both rates, and what to ask for where another precision than the chosen one is faster."""
    told = (
        ", ".join(f"{precision} {rate:.3g} img/s" for precision, rate in found.items()) + " a worker between penalties"
    )
    fastest = max(found, key=lambda precision: found[precision])
    if found[fastest] <= MARGIN * found[chosen]:
        return f"precision={chosen}: {told}; no other is faster by more than {MARGIN - 1:.0%}"
    gain = found[fastest] / found[chosen]
    return (
        f"precision={chosen}: {told}; --precision {fastest} is {gain:.2f} times as fast here, and another training run"
    )


def _settle(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
