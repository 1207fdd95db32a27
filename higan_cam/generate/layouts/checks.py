"""Which tensors a file has, lacks or has too many of, said in a way that a user can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from higan_cam.errors import WeightsError

_SHOWN = 5


def check_fit(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str, layout: str = "") -> None:
    """WeightsError that names up to 5 missing, unknown and misshapen entries each; returns where all fit.

    `layout` is what the file was taken for.
    """
    misshapen = [
        f"{key} is {tuple(tensors[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in sorted(set(expected) & set(tensors))
        if tensors[key].shape != expected[key].shape
    ]
    check_keys(tensors, expected, source, layout, misshapen)


def check_keys(
    found: Iterable[str], expected: Iterable[str], source: str, layout: str, misshapen: list[str] | None = None
) -> None:
    """WeightsError that names up to 5 missing and unknown keys each, and any shapes already found wrong."""
    missing, unknown = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    kinds = {"missing keys": missing, "unknown keys": unknown, "wrong shapes": misshapen or []}
    problems = [f"{kind}: {listed(items)}" for kind, items in kinds.items() if items]
    if problems:
        network = f"the network ({layout} layout)" if layout else "the network"
        raise WeightsError(f"{source}: does not fit {network}; " + "; ".join(problems))


def listed(items: list[str]) -> str:
    """The first 5 joined by commas, and how many more there are."""
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def count(state: Mapping[str, Tensor], pattern: str) -> int:
    """1 + the highest number that the pattern's group matches, 0 if none."""
    return max((int(match[1]) + 1 for match in (re.fullmatch(pattern, key) for key in state) if match), default=0)


def need(state: Mapping[str, Tensor], keys: Iterable[str], source: str) -> None:
    """WeightsError that names the absent ones of the keys whose shapes decide the network's size."""
    absent = [key for key in keys if key not in state]
    if absent:
        raise WeightsError(f"{source}: cannot tell the network's size, missing keys: {listed(absent)}")
