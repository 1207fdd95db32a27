"""DBSCAN on a pixel grid: the labels scikit-learn gives, in a few image filters.

Ester, Kriegel, Sander, Xu 1996. Points are pixels, so neighbourhoods are discs of fixed offsets: no search tree.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from higan_cam.errors import ConfigError
from higan_cam.types import BoolArray, ByteArray

NOT_A_POINT = -2
NOISE = -1
# OpenCV sums kernels below about this many taps directly, larger ones through a float32 Fourier transform.
_DIRECT_TAPS = 130

Labels = npt.NDArray[np.int32]


def grid_dbscan(points: BoolArray, eps: float, min_samples: int) -> Labels:
    """DBSCAN of the True pixels of a mask, equal to `sklearn.cluster.DBSCAN` on their row-major coordinates.

    A point is core when at least `min_samples` points (itself included) lie at distance <= eps. Core points at distance
    <= eps share a cluster; clusters are numbered by their first core pixel in row-major order; a point that is not core
    takes the smallest label among the core pixels in reach. Distances compare as dy^2 + dx^2 <= eps * eps in double
    precision, as scikit-learn's k-d tree does. Time is linear in the pixels of the points' bounding box.

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
    disc = _disc(eps, max(points.shape))
    core = points & (_disc_counts(points, disc) >= min_samples)
    components, count = _touching_components(core, eps)
    reach = _lowest_in_reach(components, core, disc)
    while count > 1:
        # Every component that has a linked one of smaller number joins it, so each round at least halves what is left.
        lowest = np.arange(count + 1)
        np.minimum.at(lowest, components[core], reach[core].astype(np.int64))
        merged = _roots(lowest)
        if (merged == np.arange(count + 1)).all():
            break
        kept, merged = np.unique(merged, return_inverse=True)  # sorted: the order of first core pixels survives
        components, count = merged[components].astype(np.int32), len(kept) - 1
        reach = _lowest_in_reach(components, core, disc)
    labels = np.where(np.isfinite(reach), reach - 1, NOISE).astype(np.int32)
    labels[~points] = NOT_A_POINT
    return labels


def _disc(eps: float, side: int) -> ByteArray:
    """(2r+1,2r+1) uint8: the offsets at distance <= eps; r never exceeds what fits the picture."""
    radius = min(math.floor(eps), side)
    squares = np.square(np.arange(-radius, radius + 1, dtype=np.float64))
    return (squares[:, None] + squares[None, :] <= eps * eps).astype(np.uint8)


def _disc_counts(points: BoolArray, disc: ByteArray) -> npt.NDArray[Any]:
    """(H,W) how many points lie under the disc at each pixel; exact at any radius."""
    if disc.size < _DIRECT_TAPS:
        counts = cv2.filter2D(
            points.astype(np.float32), cv2.CV_32F, disc.astype(np.float32), borderType=cv2.BORDER_CONSTANT
        )
        return np.rint(counts, out=counts)
    radius, (height, width) = len(disc) // 2, points.shape
    sums = np.zeros((height + 2 * radius, width + 2 * radius + 1), np.int32)
    sums[radius : radius + height, radius + 1 : radius + 1 + width] = points
    np.cumsum(sums, axis=1, out=sums)
    counts = np.zeros((height, width), np.int32)
    for row, half in enumerate((disc.sum(axis=1, dtype=np.int64) - 1) // 2):
        run = sums[row : row + height]
        counts += run[:, radius + half + 1 : radius + half + 1 + width] - run[:, radius - half : radius - half + width]
    return counts


def _touching_components(core: BoolArray, eps: float) -> tuple[Labels, int]:
    """Components of core pixels that touch within eps, numbered from 1 by first pixel (row-major), and how many."""
    if eps < 1:  # nothing touches: every core pixel is a component
        numbers = np.cumsum(core.ravel(), dtype=np.int32).reshape(core.shape)
        return np.where(core, numbers, 0).astype(np.int32), int(numbers[-1, -1])
    connectivity = 8 if eps * eps >= 2 else 4
    found, raw = cv2.connectedComponents(core.view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S)
    components, count = np.asarray(raw, np.int32), found - 1
    if count > 1:
        first = np.full(count + 1, core.size)
        first[0] = -1
        pixels = np.flatnonzero(core)
        np.minimum.at(first, components.ravel()[pixels], pixels)
        rank = np.empty(count + 1, np.int32)
        rank[np.argsort(first)] = np.arange(count + 1, dtype=np.int32)
        components = rank[components]
    return components, count


def _lowest_in_reach(components: Labels, core: BoolArray, disc: ByteArray) -> npt.NDArray[np.float32]:
    """(H,W) smallest component number under the disc, infinity where there is none. float32 holds 2^24 numbers."""
    numbers = np.where(core, components, np.float32(np.inf)).astype(np.float32)
    return np.asarray(cv2.erode(numbers, disc, borderType=cv2.BORDER_CONSTANT, borderValue=np.inf))


def _roots(parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Follows parent[i] <= i to the fixed points, doubling the stride each round."""
    while not np.array_equal(grand := parent[parent], parent):
        parent = grand
    return parent
