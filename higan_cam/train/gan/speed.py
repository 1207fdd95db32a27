"""How many pictures a second training takes in either precision, on this machine, now."""

from __future__ import annotations

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

    Args:
        steps: precision -> a function that takes a training step of that number; its networks are thrown away.
        batch: pictures per step.
    """
    takes = {precision: steps(precision) for precision in PRECISIONS}
    seconds: dict[Precision, list[float]] = {precision: [] for precision in PRECISIONS}
    for turn in range(rounds + 1):
        for precision, take in takes.items():
            _settle(device)
            began = time.perf_counter()
            take(turn)
            _settle(device)
            if turn:  # the first one warms up, and takes the penalties that come seldom
                seconds[precision].append(time.perf_counter() - began)
    return {precision: batch / statistics.median(taken) for precision, taken in seconds.items()}


def advice(found: Mapping[Precision, float], chosen: Precision) -> str:
    """A line for the log: both rates, and what to ask for where another precision than the chosen one is faster."""
    told = ", ".join(f"{precision} {rate:.3g} img/s" for precision, rate in found.items())
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
