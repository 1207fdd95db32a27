"""What travels between page and server: JSON and files in one body, and light as 16-bit levels.

A frame is 4 bytes (little-endian length of the JSON), the JSON, and the files one behind the other; `parts` in the JSON
lists their names and lengths in order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from higan_cam.types import FloatArray

LEVELS = 65_535
"""Light is sent as level x step, level 0 to 65,535 and step = peak / 65,535: off by half a step at most."""
_LONGEST_JSON = 4096
"""Bytes of what a page says about its files."""


class FrameError(ValueError):
    """A body that is no frame. Its text says why."""


def pack(said: Mapping[str, object], **files: bytes) -> bytes:
    """JSON and files -> one body."""
    parts = [[name, len(content)] for name, content in files.items()]
    told = json.dumps({**said, "parts": parts}, allow_nan=False, separators=(",", ":")).encode()
    return b"".join((len(told).to_bytes(4, "little"), told, *files.values()))


def unpack(body: bytes, longest_json: int = _LONGEST_JSON) -> tuple[dict[str, Any], dict[str, bytes]]:
    """One body -> JSON and files. FrameError: it is none, whatever it is."""
    length = int.from_bytes(body[:4], "little")
    if len(body) < 4 or not 2 <= length <= min(longest_json, len(body) - 4):
        raise FrameError("the request breaks off or is not one of this page")
    try:
        said = json.loads(body[4 : 4 + length])
        parts = [(str(name), int(size)) for name, size in said.pop("parts")]
    except (ValueError, OverflowError, TypeError, KeyError, AttributeError, RecursionError):
        raise FrameError("the request is not one of this page") from None
    if any(size < 0 for _, size in parts) or sum(size for _, size in parts) != len(body) - 4 - length:
        raise FrameError("the request breaks off: its files are not as long as it says")
    files, start = {}, 4 + length
    for name, size in parts:
        files[name], start = body[start : start + size], start + size
    return said, files


def encode_layer(layer: FloatArray) -> tuple[bytes, float]:
    """(H,W,3) float32 light, >= 0 -> 16-bit little-endian levels, row by row, and the step (a float32) between them."""
    peak = float(layer.max(initial=0.0))
    step = np.float32(peak / LEVELS)
    if not step > 0:
        return bytes(2 * layer.size), 0.0
    levels = layer / step
    np.rint(levels, out=levels)
    return np.minimum(levels, LEVELS).astype("<u2").tobytes(), float(step)


def decode_layer(body: bytes, step: float, height: int, width: int) -> FloatArray:
    """What the page makes of it: (H,W,3) float32, within half a step of what was encoded."""
    levels = np.frombuffer(body, "<u2").reshape(height, width, 3).astype(np.float32)
    result: FloatArray = levels * np.float32(step)
    return result
