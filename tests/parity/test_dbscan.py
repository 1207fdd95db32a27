"""Labels, rankings and ellipse masks of the stored maps (shared/parity, section 9): exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from higan_cam.mask.clustering import grid_dbscan
from higan_cam.mask.regions import rank_clusters
from higan_cam.mask.shapes import ellipse_mask, fit_ellipse
from higan_cam.types import BoolArray, Ellipse, IntArray

MAPS = (
    "two_blobs", "bridge", "edges", "scatter_dense", "scatter_sparse", "smooth_fine", "smooth_coarse", "checker",
    "all_above", "threshold_inclusive", "ties", "non_square_64x128",
)  # fmt: skip
PUBLISHED_ANGLE = 90.0
"""The reference draws every ellipse upright; ours has the cluster's own angle."""


@pytest.fixture(scope="module")
def arrays(parity: Path) -> dict[str, Any]:
    return dict(np.load(parity / "dbscan.npz"))


@pytest.fixture(scope="module")
def cases(parity: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((parity / "dbscan_cases.json").read_text())
    assert {case["map"] for case in found} == set(MAPS)
    return found


def published_ellipse(shape: tuple[int, int], pixels: IntArray) -> BoolArray:
    centre, ellipse = fit_ellipse(pixels)
    return ellipse_mask(shape, centre, Ellipse(ellipse.major, ellipse.minor, PUBLISHED_ANGLE))


@pytest.mark.parametrize("name", MAPS)
def test_labels_equal_the_reference(arrays: Any, cases: Any, name: str) -> None:
    for case in (case for case in cases if case["map"] == name):
        points = arrays[f"map_{name}"] >= case["threshold"]
        labels = grid_dbscan(points, case["eps"], case["min_samples"])
        np.testing.assert_array_equal(labels, arrays[case["labels"]])


@pytest.mark.parametrize("name", MAPS)
def test_rankings_and_statistics_equal_the_reference(arrays: Any, cases: Any, name: str) -> None:
    heat = arrays[f"map_{name}"]
    for case in (case for case in cases if case["map"] == name):
        labels = arrays[case["labels"]].astype(np.int32)
        by_importance = rank_clusters(heat, labels, "importance")
        shown = len(case["order_by_importance"])
        assert by_importance.order[:shown].tolist() == case["order_by_importance"]
        assert rank_clusters(heat, labels, "mean").order[:shown].tolist() == case["order_by_mean_heat"]
        for cluster in case["clusters"]:
            label = cluster["label"]
            assert by_importance.points[label] == cluster["points"]
            assert by_importance.importance[label] == pytest.approx(cluster["importance"], rel=1e-6)
            centre, ellipse = fit_ellipse(np.argwhere(labels == label))
            assert centre == pytest.approx(tuple(cluster["center_yx"]))
            assert (ellipse.major, ellipse.minor) == pytest.approx((cluster["major_axis"], cluster["minor_axis"]))


@pytest.mark.parametrize("name", MAPS)
def test_ellipse_masks_equal_the_reference(arrays: Any, cases: Any, name: str) -> None:
    heat, case = arrays[f"map_{name}"], next(case for case in cases if case["map"] == name)
    labels = arrays[case["labels"]].astype(np.int32)
    for rank, label in enumerate(rank_clusters(heat, labels, "importance").order[:3], start=1):
        mask = published_ellipse(heat.shape, np.argwhere(labels == label))
        np.testing.assert_array_equal(mask, arrays[f"mask_{name}_{rank}"] > 0)
