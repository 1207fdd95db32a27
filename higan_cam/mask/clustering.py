"""DBSCAN on a pixel grid: the labels scikit-learn gives, in a few image filters (`discs`).

Ester, Kriegel, Sander, Xu 1996. Points are pixels, so neighbourhoods are discs of fixed offsets: no search tree.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from higan_cam.errors import ConfigError
from higan_cam.mask.discs import SMALL_RADIUS, Disc, disc_counts, lowest_in_reach
from higan_cam.types import BoolArray, IntArray

NOT_A_POINT = -2
NOISE = -1

Labels = npt.NDArray[np.int32]


def grid_dbscan(points: BoolArray, eps: float, min_samples: int) -> Labels:
    """DBSCAN of the True pixels of a mask, equal to `sklearn.cluster.DBSCAN` on their row-major coordinates.

    A point is core when at least `min_samples` points (itself included) lie at distance <= eps. Core points at distance
    <= eps share a cluster; clusters are numbered by their first core pixel in row-major order; a point that is not core
    takes the smallest label among the core pixels in reach. Distances compare as dy^2 + dx^2 <= eps * eps in double
    precision, as scikit-learn's k-d tree does.
    The time goes with the pixels of the points' bounding box (times their logarithm), whatever eps.

    Args:
        points: (H,W) bool.
        eps: radius > 0, pixels; any float.
        min_samples: >= 1.

    Returns:
        (H,W) int32: -2 not a point, -1 noise, else the cluster.

    Raises:
        ConfigError: eps or min_samples out of range.
    """
    if not (eps > 0 and math.isfinite(eps)) or min_samples < 1:
        raise ConfigError(f"DBSCAN needs a finite eps > 0 px and min_samples >= 1, got {eps} and {min_samples}")
    points = np.ascontiguousarray(points)
    labels = np.full(points.shape, NOT_A_POINT, np.int32)
    left, top, width, height = cv2.boundingRect(points.view(np.uint8))
    if width:
        box = (slice(top, top + height), slice(left, left + width))
        labels[box] = _cluster_box(np.ascontiguousarray(points[box]), eps, min_samples)
    return labels


def _cluster_box(points: BoolArray, eps: float, min_samples: int) -> Labels:
    disc = Disc.of(eps, max(points.shape))
    core = points & (disc_counts(points, disc) >= min_samples)
    components, count = _first_components(core, disc)
    reach = lowest_in_reach(components, disc)
    while count > 1:
        # Every component that has a linked one of smaller number joins it, so each round at least halves what is left.
        lowest = np.arange(count + 1)
        np.minimum.at(lowest, components[core], reach[core].astype(np.int64))
        merged = _roots(lowest)
        if (merged == np.arange(count + 1)).all():
            break
        kept, merged = np.unique(merged, return_inverse=True)  # sorted: the order of first core pixels survives
        components, count = merged[components].astype(np.int32), len(kept) - 1
        reach = lowest_in_reach(components, disc)
    labels = np.where(reach > 0, reach - 1, NOISE).astype(np.int32)
    labels[~points] = NOT_A_POINT
    return labels


def _first_components(core: BoolArray, disc: Disc) -> tuple[Labels, int]:
    """Core pixels that certainly share a cluster, numbered from 1 by first pixel (row-major), and how many numbers.

    They touch within the disc; for large discs, they lie in the same square of a grid whose diagonal fits into it.
    """
    if disc.radius > SMALL_RADIUS:
        side = math.isqrt(disc.limit // 2) + 1
        rows, columns = (np.arange(length) // side for length in core.shape)
        return _by_first_pixel(np.where(core, 1 + rows[:, None] * (1 + columns[-1]) + columns, 0), core)
    if disc.limit < 1:  # nothing touches: every core pixel is a component
        return _by_first_pixel(np.where(core, np.cumsum(core, dtype=np.int32).reshape(core.shape), 0), core)
    connectivity = 8 if disc.limit >= 2 else 4
    _, raw = cv2.connectedComponents(core.view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S)
    return _by_first_pixel(np.asarray(raw), core)


def _by_first_pixel(components: IntArray, core: BoolArray) -> tuple[Labels, int]:
    """Components (0: none) under other numbers: 1, 2, … in the order of their first pixels."""
    first, pixels = np.full(int(components.max()) + 1, core.size), np.flatnonzero(core)
    np.minimum.at(first, components.ravel()[pixels], pixels)
    count = int((first < core.size).sum())
    rank = np.zeros(len(first), np.int32)
    rank[np.argsort(first, kind="stable")[:count]] = np.arange(1, count + 1, dtype=np.int32)
    return rank[components], count


def _roots(parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Follows parent[i] <= i to the fixed points, doubling the stride each round."""
    while not np.array_equal(grand := parent[parent], parent):
        parent = grand
    return parent
