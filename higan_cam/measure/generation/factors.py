"""What a generator of rooms draws, in the rooms' own terms: how often each thing is there, against renders.

Both sides are read by one network (`train/distill/reader.py`), whose errors are so the same on both. Readings that are
neither yes nor no say how poor the samples are, and stand beside every figure: ruined samples scatter over all
combinations of factors, and would seem the most diverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from higan_cam.errors import DataError
from higan_cam.measure.generation.verdicts import share_interval
from higan_cam.rooms import Scene
from higan_cam.rooms.scene import LAMPS, OBJECTS, STYLES
from higan_cam.types import BoolArray, FloatArray, Interval

BINARY = ("layout", *STYLES, *OBJECTS)
LIT = tuple(f"{lamp}_lit" for lamp in LAMPS)
CONTINUOUS = ("wall_warmth", "wall_lightness", "floor_tone", "exposure")
READ = (*BINARY, *LIT, *CONTINUOUS)
"""What is read off a picture, each in [0,1]."""
UNDECIDED = (0.1, 0.9)
"""A reading of a binary factor between these is neither yes nor no."""
CELL = ("layout", "day", "white_furniture", "wardrobe", "rug", "curtains")
"""Binary factors whose combinations are the cells of recall: 64, none of them rare."""
BINS = 10
"""Of a continuous factor's histogram."""


@dataclass(frozen=True)
class FactorFigures:
    """Samples against renders.

    Attributes:
        distances: total variation of each factor's distribution, in [0,1]: `layout`, the mean over `objects`, the
            histogram of `wall_warmth`, the number of `lamps_lit`, and the mean over all of `READ`.
        undecided: share of the readings of binary factors that are neither yes nor no, of samples and of renders.
        decided: share of the samples all of whose `CELL` factors are decided; only they count in
        recall: share of the renders' cells that a sample is in; NaN where no sample is decided.
        scarce: the factors furthest off, and by how much their share in the samples is above that in renders.
    """

    distances: Mapping[str, float]
    undecided: Interval
    undecided_renders: float
    decided: float
    recall: float
    scarce: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`, None in place of NaN."""
        return {**asdict(self), "recall": None if np.isnan(self.recall) else self.recall}


def factors_of(scene: Scene) -> FloatArray:
    """(N,F) what is true of rooms, columns `READ`."""
    lit = scene.present * scene.brightness
    columns = [scene.layout, *scene.style.T, *scene.objects.T, *lit.T]
    columns += [scene.exposure if name == "exposure" else scene.column(name) for name in CONTINUOUS]
    found: FloatArray = np.stack(columns, axis=1)
    return found


def compare_factors(samples: FloatArray, renders: FloatArray) -> FactorFigures:
    """Readings (N,F) of samples and (M,F) of renders of other rooms, columns `READ`.

    Raises:
        DataError: other columns, or none.
    """
    for part in (samples, renders):
        if part.ndim != 2 or part.shape[1] != len(READ) or not len(part):
            raise DataError(f"readings: (N,{len(READ)}) with N >= 1 are needed, got {part.shape}")
    binary = len(BINARY) + len(LIT)
    off = (samples[:, :binary] > 0.5).mean(axis=0) - (renders[:, :binary] > 0.5).mean(axis=0)
    apart = {name: float(abs(one)) for name, one in zip(READ, off, strict=False)}
    apart |= {name: _histograms(*(_column(part, name) for part in (samples, renders))) for name in CONTINUOUS}
    counts = [(part[:, len(BINARY) : binary] > 0.5).sum(axis=1) for part in (samples, renders)]
    distances = {
        "layout": apart["layout"],
        "objects": float(np.mean([apart[name] for name in OBJECTS])),
        "wall_warmth": apart["wall_warmth"],
        "lamps_lit": _variation(*(np.bincount(one, minlength=len(LIT) + 1) for one in counts)),
        "mean": float(np.mean(list(apart.values()))),
    }
    unsure = _undecided(samples[:, : len(BINARY)])
    cells, known = (_cells(part) for part in (samples, renders))
    furthest = np.argsort(-np.abs(off))[:5]
    return FactorFigures(
        distances=distances,
        undecided=share_interval(int(unsure.sum()), unsure.size),
        undecided_renders=float(_undecided(renders[:, : len(BINARY)]).mean()),
        decided=len(cells) / len(samples),
        recall=float(np.isin(np.unique(known), cells).mean()) if len(cells) and len(known) else float("nan"),
        scarce={READ[place]: float(off[place]) for place in furthest},
    )


def _column(readings: FloatArray, name: str) -> FloatArray:
    return readings[:, READ.index(name)]


def _undecided(readings: FloatArray) -> BoolArray:
    unsure: BoolArray = (readings > UNDECIDED[0]) & (readings < UNDECIDED[1])
    return unsure


def _cells(readings: FloatArray) -> FloatArray:
    """The cell's number of every sample that is decided in all of `CELL`."""
    part = np.stack([_column(readings, name) for name in CELL], axis=1)
    part = part[~_undecided(part).any(axis=1)]
    numbers: FloatArray = (part > 0.5) @ (2.0 ** np.arange(len(CELL)))
    return numbers


def _histograms(left: FloatArray, right: FloatArray) -> float:
    return _variation(*(np.histogram(part, BINS, (0, 1))[0] for part in (left, right)))


def _variation(left: Any, right: Any) -> float:
    """Total variation of two counts."""
    return float(np.abs(left / left.sum() - right / right.sum()).sum() / 2)
