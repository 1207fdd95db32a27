"""A direction: a boundary without an offset, of which nobody has said yet what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from higan_cam.config.layers import format_spans
from higan_cam.errors import DataError
from higan_cam.types import Boundary, FloatArray


@dataclass(frozen=True, eq=False)
class Direction:
    """A unit vector in w, and the rows of w+ that an edit along it moves.

    Attributes:
        vector: (D,) float32, unit length; its sign is a convention (`oriented`), not a meaning.
        layers: rows of w+.
        name: what its files are called.
        method: sefa, ganspace, stylespace or text.
        figures: what the method knows of it (JSON-compatible).
    """

    vector: FloatArray
    layers: tuple[int, ...]
    name: str
    method: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def boundary(self) -> Boundary:
        """The same as a boundary through the origin: what `edit`, `run`, `rescore` and conditions take."""
        metrics = {"method": self.method, **self.figures}
        return Boundary(self.vector, 0.0, "w", self.layers, self.name, metrics)


def oriented(vector: FloatArray) -> FloatArray:
    """(D,) -> (D,) float32 of unit length whose largest entry is positive (the first of equal ones).

    DataError: no length, or values that are not finite.
    """
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(length) or length <= 0:
        raise DataError(f"direction: a vector of length {length:g} points nowhere; check the generator's weights")
    # entries that are equal but for rounding must not decide the sign by rounding: the first of them does
    sizes = np.abs(vector)
    largest = int(np.argmax(sizes >= sizes.max() * (1 - 1e-6)))
    unit: FloatArray = (vector.astype(np.float64) * (np.sign(vector[largest]) / length)).astype(np.float32)
    return unit


def named(method: str, number: int, layers: tuple[int, ...], rows: int) -> str:
    """`sefa_00`, and `sefa_6-11_00` where it moves some of the generator's rows only."""
    some = () if len(layers) == rows else (format_spans(layers).replace(",", "_"),)
    return "_".join([method, *some, f"{number:02d}"])
