"""Layers as the configuration writes them: `auto`, `all`, `6-11` or `0-4,8`; and numbers written so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from higan_cam.errors import ConfigError

_LAYER_SPAN = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def parse_layers(text: str, count: int, auto: tuple[int, ...], name: str = "layers") -> tuple[int, ...]:
    """`auto`, `all`, `6-11` or `0-4,8` -> sorted layer numbers below `count`.

    Raises:
        ConfigError: for anything else, or a layer the generator does not have.
    """
    if text in ("auto", "all"):
        return tuple(layer for layer in (auto if text == "auto" else range(count)) if layer < count)
    try:
        spans = _layer_spans(text)
    except ValueError as error:
        raise ConfigError(f"{name} {error}, got {text!r}") from error
    if max(high for _, high in spans) >= count:
        raise ConfigError(f"{name}: the generator has layers 0-{count - 1}, got {text!r}")
    return tuple(sorted({layer for low, high in spans for layer in range(low, high + 1)}))


def _layer_spans(text: str) -> list[tuple[int, int]]:
    """`0-4,8` -> [(0, 4), (8, 8)], without building the ranges; ValueError says what was expected."""
    spans = []
    for part in text.split(","):
        match = _LAYER_SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError("must be 'auto', 'all' or a list like '6-11' or '0-4,8'")
        low, high = int(match[1]), int(match[2] or match[1])
        if high < low:
            raise ValueError(f"must have ranges that rise, like '{high}-{low}'")
        spans.append((low, high))
    return spans


def format_spans(numbers: Iterable[int], separator: str = ",", most: int | None = None) -> str:
    """(0, 1, 2, 8) -> "0-2,8": numbers in rising order, each once; "…" behind the first `most` spans."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    shown = texts if most is None else texts[:most]
    return separator.join([*shown, "…"] if len(shown) < len(texts) else shown)


def checked_layers(value: Any) -> Any:
    """Layers as text, the syntax checked. YAML reads a single layer as an integer."""
    text = str(value) if type(value) is int else value
    if isinstance(text, str) and text not in ("auto", "all"):
        _layer_spans(text)
    return text
