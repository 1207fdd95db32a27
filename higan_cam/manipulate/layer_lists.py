"""Rows of w+ as files name them: text like `6-11`, and what HiGAN's own reader takes beside it."""

from __future__ import annotations

import re

import numpy as np

from higan_cam.config.layers import format_spans, parse_layers
from higan_cam.errors import ConfigError
from higan_cam.weights.inert_pickle import Call

MAX_ROWS = 64
"""w+ rows a layer list may name; 1024 px has 18."""
_LAYER_LIST = re.compile(r"\d{1,2}(-\d{1,2})?(,\d{1,2}(-\d{1,2})?){0,63}")


def format_layers(layers: tuple[int, ...]) -> str:
    """(0, 1, 2, 8) -> "0-2,8", the form HiGAN and the configuration share."""
    return format_spans(layers)


def layer_rows(text: str) -> tuple[int, ...]:
    """ "6-11" -> (6, ..., 11). Raises ValueError for anything but a list of rows below 64."""
    compact = text.replace(" ", "")
    if not _LAYER_LIST.fullmatch(compact):
        raise ValueError(f"layers must be a list like '6-11' or '0-4,8', got {text[:40]!r}")
    try:
        return parse_layers(compact, MAX_ROWS, ())
    except ConfigError as error:
        raise ValueError(str(error)) from error


def read_layers(value: object) -> tuple[int, ...]:
    """HiGAN's `parse_indices` of a pickled value: sorted rows below 64, each once; every row for None and nothing.

    Raises:
        ValueError: anything but text, whole numbers from 0, and lists, tuples and arrays of them.
    """
    if isinstance(value, str) and value.strip():
        return layer_rows(value)
    if value is None or isinstance(value, str):
        return tuple(range(MAX_ROWS))
    if isinstance(value, Call) and value.function == "_reconstruct":
        value = _numbers(value)
    rows = [_row(each) for each in (value if isinstance(value, list | tuple) else [value])]
    return tuple(sorted(set(rows))) or tuple(range(MAX_ROWS))


def _row(value: object) -> int:
    match value:
        case Call("scalar", arguments=(Call("dtype", arguments=(str() as kind, *_), state=state), bytes() as raw)):
            numbers = _integers(kind, state, raw)
            value = numbers[0] if len(numbers) == 1 else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"manipulate_layers holds {called(value)}, expected whole numbers, or text like '6-11'")
    if not 0 <= value < MAX_ROWS:
        raise ValueError(f"manipulate_layers holds {value}, expected rows from 0 to {MAX_ROWS - 1}")
    return value


def _numbers(array: Call) -> list[object]:
    """The items of a pickled array of whole numbers."""
    match array.state:
        case (int(), tuple(), Call("dtype", arguments=(str() as kind, *_), state=state), _, bytes() as raw):
            return list(_integers(kind, state, raw))
        case (int(), tuple(), Call("dtype"), _, list() as items):
            return items
    raise ValueError("manipulate_layers is an array that cannot be read, expected whole numbers")


def _integers(kind: str, state: object, raw: bytes) -> list[int]:
    order = state[1] if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|") else None
    if not re.fullmatch(r"[iu][1248]", kind) or order is None or len(raw) % int(kind[1]):
        raise ValueError(f"manipulate_layers is of numpy's type {kind[:8]!r}, expected whole numbers")
    return [int(each) for each in np.frombuffer(raw, np.dtype(f"{order}{kind}"))]


def called(value: object) -> str:
    """What a pickled value is, for a message."""
    if isinstance(value, Call):
        return "an array or object of numpy's"
    return f"{type(value).__name__} {str(value)[:40]!r}"
