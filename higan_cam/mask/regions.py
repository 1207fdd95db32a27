"""Heat map -> regions: threshold to points, cluster them by DBSCAN, rank the clusters, give the best a shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from higan_cam.config import RegionConfig
from higan_cam.mask.clustering import NOT_A_POINT, Labels, grid_dbscan
from higan_cam.mask.points import TARGETS
from higan_cam.mask.shapes import STYLES, encode_rle, fit_ellipse, resize_mask
from higan_cam.types import BoolArray, FloatArray, IntArray, RankBy, Region, RegionResult


@dataclass(frozen=True)
class Ranking:
    """The clusters of one heat map; all but `order` is indexed by cluster label.

    Attributes:
        order: (K,) labels, the most important first; the smaller label first on ties.
        points: (K,) pixels on the heat map's grid.
        mean_heat: (K,) float64.
        importance: (K,) mean heat x points.
    """

    order: IntArray
    points: IntArray
    mean_heat: FloatArray
    importance: FloatArray


def find_regions(heat: FloatArray, config: RegionConfig, image_size: int, nowhere: str = "") -> RegionResult:
    """The `config.top` highest-ranked clusters of a heat map, as regions in pixels of the published image.

    Args:
        heat: (S,S) float, nominally in [0,1]. Clusters are found on this grid, so `eps` counts its pixels.
        config: which pixels count (`points.TARGETS`), clustering, ranking, mask style.
        image_size: side of the published image, pixels; masks are resampled to it by area.
        nowhere: what it means when this kind of map is nowhere positive (`why_nowhere`); "" for no word about it.

    Returns:
        `status` is "empty", with the reason, when the map is not finite, nowhere positive or flat, when nothing
        clusters, or when no cluster shows at `image_size`. Clusters too small to show there are passed over, and
        `reason` counts them even where other regions were found.

    Raises:
        ValueError: the map is not square.
    """
    if heat.ndim != 2 or heat.shape[0] != heat.shape[1]:
        raise ValueError(f"a heat map must be square, got shape {heat.shape}")
    reason = _why_unusable(heat, nowhere)
    if reason:
        return _empty(image_size, reason)
    labels = cluster_heat(heat, config)
    ranking = rank_clusters(heat, labels, config.rank_by)
    if len(ranking.order) == 0:
        return _empty(image_size, _why_no_cluster(labels, config))
    return _shape_regions(heat, labels, ranking, config, image_size)


def cluster_heat(heat: FloatArray, config: RegionConfig) -> Labels:
    """DBSCAN labels (H,W) of the pixels that `config.target` takes: -2 not taken, -1 noise, else the cluster."""
    return grid_dbscan(TARGETS[config.target](heat, config), config.eps, config.min_samples)


def rank_clusters(heat: FloatArray, labels: Labels, rank_by: RankBy) -> Ranking:
    """Clusters by importance (mean heat x points) or by mean heat, descending."""
    inside = labels >= 0
    members = labels[inside]
    points = np.bincount(members)
    mean = np.bincount(members, weights=heat[inside]) / np.maximum(points, 1)
    importance = mean * points
    order = np.argsort(-(importance if rank_by == "importance" else mean), kind="stable")
    return Ranking(order, points, mean, importance)


def _shape_regions(
    heat: FloatArray, labels: Labels, ranking: Ranking, config: RegionConfig, image_size: int
) -> RegionResult:
    regions: list[Region] = []
    union = np.zeros((image_size, image_size), np.bool_)
    too_small = 0
    for label in ranking.order:
        if len(regions) == config.top:
            break
        pixels = np.column_stack(np.unravel_index(np.flatnonzero(labels == label), heat.shape))
        mask = resize_mask(STYLES[config.style](heat.shape, pixels), image_size)
        if mask.any():
            regions.append(_region(heat, pixels, mask, rank=len(regions), importance=float(ranking.importance[label])))
            union |= mask
        else:
            too_small += 1
    reason = (
        f"{too_small} of {len(ranking.order)} clusters fill half of no pixel at {image_size} px" if too_small else ""
    )
    if not regions:
        return _empty(image_size, reason)
    return RegionResult(tuple(regions), union.astype(np.uint8) * 255, "ok", reason)


def _region(heat: FloatArray, pixels: IntArray, mask: BoolArray, *, rank: int, importance: float) -> Region:
    scale = mask.shape[0] / heat.shape[0]
    values = heat[pixels[:, 0], pixels[:, 1]]
    centre, ellipse = fit_ellipse(pixels)
    peak = pixels[values.argmax()]  # pixels are in row-major order, and argmax takes the first
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Region(
        rank=rank,
        area=int(mask.sum()),
        mean_heat=importance / len(pixels),
        max_heat=float(values.max()),
        importance=importance,
        points=len(pixels),
        centroid=_to_image(centre[0], centre[1], scale),
        peak=_to_image(float(peak[0]), float(peak[1]), scale),
        ellipse=replace(ellipse, major=ellipse.major * scale, minor=ellipse.minor * scale),
        bbox=(left, top, width, height),
        rle=encode_rle(mask),
    )


def _to_image(y: float, x: float, scale: float) -> tuple[float, float]:
    """Pixel centres lie at integers on both grids, so the corner at -0.5 is what stays fixed."""
    return (y + 0.5) * scale - 0.5, (x + 0.5) * scale - 0.5


def _why_unusable(heat: FloatArray, nowhere: str) -> str:
    lowest, highest = float(heat.min()), float(heat.max())
    if not np.isfinite(lowest + highest):
        return "the heat map holds NaN or infinity"
    if highest <= 0:
        return f"the heat map is nowhere positive{': ' if nowhere else ''}{nowhere}"
    if lowest == highest:
        return f"the heat map is flat: every pixel is {highest:g}"
    return ""


def _why_no_cluster(labels: Labels, config: RegionConfig) -> str:
    points = int((labels != NOT_A_POINT).sum())
    which = f"reach {config.threshold:g} of the maximum" if config.target == "extent" else "are tops of high peaks"
    return (
        f"no cluster: {points} pixels {which}, none with {config.min_samples} "
        f"of them within {config.eps:g} px; lower regions.min_samples or raise regions.eps"
    )


def _empty(image_size: int, reason: str) -> RegionResult:
    return RegionResult((), np.zeros((image_size, image_size), np.uint8), "empty", reason)
