"""One scale for properties of all pictures: statistics of the first ones, kept, so that new ones are read alike.

For tables of properties in Python: a run has a scale of its own for scores (`label/scale.py`).
NaN stays NaN and counts in no statistic. `published_zscore` and `published_minmax` are what OhLoRA does to a table,
faults included: a constant column, a single row or an infinity makes a whole column NaN.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from higan_cam.errors import DataError
from higan_cam.types import FloatArray

log = logging.getLogger(__name__)

Kind = Literal["zscore", "minmax", "robust"]
KINDS: tuple[Kind, ...] = ("zscore", "minmax", "robust")
ROBUST = (1.0, 99.0)
"""Percentiles that become 0 and 1 of a robust scale; beyond them values are cut."""
CONSTANT = {"zscore": 0.0, "minmax": 0.5, "robust": 0.5}
"""Where a property is the same in all pictures: the middle of its scale."""


@dataclass(frozen=True)
class Column:
    """How one property is read: (value - offset) / spread; `spread` 0 where all values were the same."""

    offset: float
    spread: float
    known: int
    """Values that the statistics are of; of none, everything is NaN."""


@dataclass(frozen=True)
class Scale:
    """How properties are read, whosever pictures they are of.

    Attributes:
        kind: zscore (mean 0, deviation 1 of n-1), minmax (0 to 1, values beyond stay beyond), robust (0 to 1 from the
            1st to the 99th percentile, cut there).
        columns: {property: its statistics}.
    """

    kind: Kind
    columns: Mapping[str, Column]

    def read(self, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """{property: (n,)} on this scale; NaN and infinities become NaN. DataError: a property without statistics."""
        unknown = sorted(set(values) - set(self.columns))
        if unknown:
            raise DataError(f"no statistics of {', '.join(unknown)}; the scale has {', '.join(sorted(self.columns))}")
        return {name: self._read(self.columns[name], column) for name, column in values.items()}

    def encode(self) -> bytes:
        """As JSON, to be kept beside the data."""
        columns = {name: asdict(column) for name, column in self.columns.items()}
        return (json.dumps({"kind": self.kind, "columns": columns}, indent=1, allow_nan=False) + "\n").encode()

    def _read(self, column: Column, values: FloatArray) -> FloatArray:
        values = _finite(values)
        if not column.known:
            return np.full(len(values), np.nan)
        if column.spread == 0:
            return np.where(np.isnan(values), np.nan, CONSTANT[self.kind])
        read: FloatArray = (values - column.offset) / column.spread
        return np.clip(read, 0, 1) if self.kind == "robust" else read


def fit_scale(values: Mapping[str, FloatArray], kind: Kind = "robust") -> Scale:
    """The scale of {property: (n,) values}; warns of a property that is the same in all pictures, or known of none.

    DataError: an unknown kind.
    """
    if kind not in KINDS:
        raise DataError(f"scale of properties: unknown kind {kind!r}; known: {', '.join(KINDS)}")
    columns = {name: _column(kind, _finite(column)) for name, column in values.items()}
    for name, column in columns.items():
        if not column.known:
            log.warning("%s: of no picture known; it stays NaN", name)
        elif column.spread == 0:
            log.warning("%s: the same in all %d pictures; it is %g everywhere", name, column.known, CONSTANT[kind])
    return Scale(kind, columns)


def decode_scale(body: bytes, source: str) -> Scale:
    """What `Scale.encode` wrote. DataError: something else, naming `source`."""
    try:
        document = json.loads(body)
        columns = {
            str(name): Column(float(each["offset"]), float(each["spread"]), int(each["known"]))
            for name, each in document["columns"].items()
        }
        if document["kind"] not in KINDS or any(not np.isfinite(each.spread) for each in columns.values()):
            raise ValueError(f"kind {document['kind']!r}, or a spread that is no number")
        return Scale(document["kind"], columns)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source}: no scale of properties ({error}); expected what Scale.encode wrote") from error


def published_zscore(values: FloatArray) -> FloatArray:
    """(n,k) -> (n,k) (x - mean) / deviation of n-1, rounded to four decimals."""
    with np.errstate(invalid="ignore", divide="ignore"):
        known = ~np.isnan(values)
        count = known.sum(axis=0)
        mean = np.where(known, values, 0).sum(axis=0) / count
        squared = np.where(known, values - mean, 0) ** 2
        deviation = np.sqrt(squared.sum(axis=0) / np.where(count > 1, count - 1, np.nan))
        constant = np.fmax.reduce(values, axis=0) == np.fmin.reduce(values, axis=0)
        return _rounded((values - mean) / np.where(constant, np.nan, deviation))


def published_minmax(values: FloatArray, signed: Sequence[int] = (4,)) -> FloatArray:
    """(n,k) -> (n,k) from 0 to 1, columns in `signed` (pose) from -1 to 1, rounded to four decimals."""
    with np.errstate(invalid="ignore", divide="ignore"):
        least, greatest = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
        read = (values - least) / (greatest - least)
    read[:, list(signed)] = 2 * read[:, list(signed)] - 1
    return _rounded(read)


def _rounded(values: FloatArray) -> FloatArray:
    """To four decimals, half to even, as Python rounds a number."""
    flat = [round(float(value), 4) for value in values.reshape(-1)]
    return np.array(flat, np.float64).reshape(values.shape)


def _finite(values: FloatArray) -> FloatArray:
    values = np.asarray(values, np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _column(kind: Kind, values: FloatArray) -> Column:
    known = values[~np.isnan(values)]
    if not len(known):
        return Column(0.0, 0.0, 0)
    if kind == "zscore":
        spread = float(known.std(ddof=1)) if len(known) > 1 and np.ptp(known) > 0 else 0.0
        return Column(float(known.mean()), spread, len(known))
    low, high = np.percentile(known, ROBUST if kind == "robust" else (0, 100))
    return Column(float(low), float(high - low), len(known))
