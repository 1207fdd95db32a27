"""How the time for regions grows with the map: ordinary heat maps and the worst cases, from 128 to 1024 px."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from higan_cam.mask import grid_dbscan
from higan_cam.types import BoolArray
from tests.benchmarks.timing import cpu_seconds

EPS, MIN_SAMPLES = 4, 40
SIDES = (128, 256, 512, 1024)


@dataclass(frozen=True)
class GrowthRow:
    """One kind of mask at one size.

    Attributes:
        kind: of mask; side: pixels; points: pixels in the mask; clusters: found.
        seconds: CPU time for its labels, the best of three.
    """

    kind: str
    side: int
    points: int
    clusters: int
    seconds: float

    @property
    def ns_per_pixel(self) -> float:
        """Of the map; the same at all sizes where growth is linear."""
        return 1e9 * self.seconds / self.side**2


def smooth_noise(side: int) -> BoolArray:
    """What a heat map looks like above its threshold: blobs, a tenth of the map."""
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), side / 40)
    return np.asarray(blurred > np.quantile(blurred, 0.9))


def checkerboard(side: int) -> BoolArray:
    """Every second pixel."""
    rows, columns = np.indices((side, side))
    return np.asarray((rows + columns) % 2 == 0)


def islands(side: int) -> BoolArray:
    """Squares of 8 px, 8 px apart: (side / 16)^2 clusters."""
    rows, columns = np.indices((side, side))
    return np.asarray((rows % 16 < 8) & (columns % 16 < 8))


def full(side: int) -> BoolArray:
    """Every pixel."""
    return np.ones((side, side), bool)


def salt(side: int) -> BoolArray:
    """Four pixels of five at random: neighbourhoods about as full as `MIN_SAMPLES` asks, everywhere."""
    return np.asarray(np.random.default_rng(0).random((side, side)) < 0.8)


KINDS: Mapping[str, Callable[[int], BoolArray]] = {
    "blobs": smooth_noise,
    "checkerboard": checkerboard,
    "islands": islands,
    "salt": salt,
    "full": full,
}


def measure_growth() -> list[GrowthRow]:
    """Every kind at every size."""
    rows = []
    for kind, draw in KINDS.items():
        for side in SIDES:
            mask = draw(side)
            labels = grid_dbscan(mask, EPS, MIN_SAMPLES)
            seconds = min(cpu_seconds(partial(grid_dbscan, mask, EPS, MIN_SAMPLES)) for _ in range(3))
            rows.append(GrowthRow(kind, side, int(mask.sum()), int(labels.max()) + 1, seconds))
    return rows


def growth_table(rows: list[GrowthRow]) -> Any:
    """For a terminal."""
    from rich.table import Table

    table = Table(title="Labels of one mask (DBSCAN, eps 4 px, 40 samples): CPU time by size")
    for heading in ("mask", "side, px", "points", "clusters", "ms", "ns per pixel"):
        table.add_column(heading, justify="left" if heading == "mask" else "right")
    for row in rows:
        cells = (f"{1e3 * row.seconds:.2f}", f"{row.ns_per_pixel:.0f}")
        table.add_row(row.kind, str(row.side), f"{row.points:,}", f"{row.clusters:,}", *cells)
    return table
