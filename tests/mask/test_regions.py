"""Heat map -> regions: thresholds, ranking, coordinates, and what an empty result says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.config import RegionConfig
from higan_cam.mask.regions import find_regions, rank_clusters
from higan_cam.mask.shapes import decode_rle
from higan_cam.types import FloatArray, MaskStyle

CONFIG = RegionConfig(threshold=0.5)
SIZE = 64


def blobs(*spots: tuple[int, int, int, float]) -> FloatArray:
    """Discs (y, x, radius, heat) on a cold (64,64) map."""
    heat = np.zeros((SIZE, SIZE), np.float32)
    rows, columns = np.indices(heat.shape)
    for y, x, radius, value in spots:
        heat[np.hypot(rows - y, columns - x) <= radius] = value
    return heat


TWO = blobs((16, 20, 6, 1.0), (44, 40, 9, 0.7))


def test_importance_prefers_the_large_region_and_mean_the_hot_one() -> None:
    large_first = find_regions(TWO, CONFIG, SIZE).regions
    hot_first = find_regions(TWO, RegionConfig(rank_by="mean"), SIZE).regions
    assert [region.centroid for region in large_first] == [(44, 40), (16, 20)]
    assert [region.centroid for region in hot_first] == [(16, 20), (44, 40)]
    assert [region.rank for region in large_first] == [0, 1]


def test_a_region_reports_its_own_numbers() -> None:
    heat = TWO.copy()
    heat[40, 38] = 0.9
    region = find_regions(heat, CONFIG, SIZE).regions[0]
    assert (region.points, region.area) == (253, 253)
    assert region.max_heat == pytest.approx(0.9)
    assert region.peak == pytest.approx((40, 38))
    assert region.mean_heat * region.points == pytest.approx(region.importance)
    assert region.bbox == (31, 35, 19, 19)
    assert decode_rle(region.rle).sum() == region.area


def test_the_peak_is_the_first_of_equals_in_reading_order() -> None:
    assert find_regions(TWO, CONFIG, SIZE).regions[0].peak == (35, 40)


def test_equal_regions_rank_in_reading_order() -> None:
    heat = blobs((48, 10, 6, 1.0), (16, 50, 6, 1.0))
    assert [region.centroid for region in find_regions(heat, CONFIG, SIZE).regions] == [(16, 50), (48, 10)]


def test_a_pixel_exactly_at_the_threshold_counts() -> None:
    heat = blobs((16, 20, 6, 1.0), (44, 40, 6, 0.5))
    assert len(find_regions(heat, CONFIG, SIZE).regions) == 2
    heat[heat == 0.5] = np.nextafter(np.float32(0.5), np.float32(0))
    assert len(find_regions(heat, CONFIG, SIZE).regions) == 1


def test_the_threshold_is_a_share_of_the_maximum() -> None:
    full, dim = find_regions(TWO, CONFIG, SIZE), find_regions(TWO / 8, CONFIG, SIZE)
    np.testing.assert_array_equal(full.mask, dim.mask)


def test_only_the_top_regions_are_kept() -> None:
    heat = blobs((10, 10, 6, 1.0), (10, 50, 6, 0.9), (50, 10, 6, 0.8), (50, 50, 6, 0.7))
    regions = find_regions(heat, RegionConfig(top=2), SIZE).regions
    assert [region.centroid for region in regions] == [(10, 10), (10, 50)]


@pytest.mark.parametrize("style", ["cluster", "ellipse", "hull"])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_the_union_mask_is_made_of_the_regions(style: MaskStyle, size: int) -> None:
    result = find_regions(TWO, RegionConfig(style=style), size)
    union = np.any([decode_rle(region.rle) for region in result.regions], axis=0)
    np.testing.assert_array_equal(result.mask, np.where(union, 255, 0))
    assert result.mask.dtype == np.uint8
    assert result.status == "ok"
    assert result.reason == ""


@pytest.mark.parametrize("size", [16, 32, 128, 256])
def test_regions_scale_to_the_image(size: int) -> None:
    here, there = find_regions(TWO, CONFIG, SIZE).regions[0], find_regions(TWO, CONFIG, size).regions[0]
    scale = size / SIZE
    x, y, width, height = there.bbox
    assert there.area == pytest.approx(here.area * scale**2, rel=0.1)
    assert there.centroid == pytest.approx((y + (height - 1) / 2, x + (width - 1) / 2), abs=0.51)
    assert there.centroid == pytest.approx(tuple((at + 0.5) * scale - 0.5 for at in here.centroid))
    assert there.peak == pytest.approx(tuple((at + 0.5) * scale - 0.5 for at in here.peak))
    assert there.ellipse.major == pytest.approx(here.ellipse.major * scale)
    assert (there.points, there.mean_heat) == (here.points, here.mean_heat)
    assert there.rle["size"] == [size, size]


def test_a_region_too_small_for_the_image_is_passed_over_and_counted() -> None:
    heat = blobs((44, 40, 9, 0.7))
    heat[4, 4] = 1.0
    result = find_regions(heat, RegionConfig(min_samples=1, rank_by="mean", top=1), SIZE // 4)
    assert [region.points for region in result.regions] == [int((heat == np.float32(0.7)).sum())]
    assert result.regions[0].rank == 0
    assert result.reason == "1 of 2 clusters fill half of no pixel at 16 px"


def test_regions_all_too_small_for_the_image_leave_nothing() -> None:
    heat = np.zeros((SIZE, SIZE), np.float32)
    heat[4, 4] = 1.0
    result = find_regions(heat, RegionConfig(min_samples=1), SIZE // 4)
    assert (result.status, result.regions) == ("empty", ())
    assert not result.mask.any()
    assert "fill half of no pixel" in result.reason


@pytest.mark.parametrize(
    ("heat", "reason"),
    [
        (np.zeros((SIZE, SIZE), np.float32), "nowhere positive"),
        (np.full((SIZE, SIZE), 0.25, np.float32), "flat: every pixel is 0.25"),
        (np.full((SIZE, SIZE), math.nan, np.float32), "NaN or infinity"),
        (np.where(TWO > 0.9, np.nan, TWO), "NaN or infinity"),
        (np.where(TWO > 0.9, np.inf, TWO), "NaN or infinity"),
        (blobs((30, 30, 2, 1.0)), "13 pixels reach 0.5 of the maximum, none with 40 of them within 4 px"),
    ],
)
def test_an_unusable_heat_map_is_empty_and_says_why(heat: FloatArray, reason: str) -> None:
    result = find_regions(heat, CONFIG, 32)
    assert (result.status, result.regions) == ("empty", ())
    assert reason in result.reason
    assert result.mask.shape == (32, 32)
    assert not result.mask.any()


def test_an_empty_map_says_what_its_method_would_have_shown() -> None:
    cold = np.zeros((SIZE, SIZE), np.float32)
    assert find_regions(cold, CONFIG, SIZE).reason == "the heat map is nowhere positive"
    said = find_regions(cold, CONFIG, SIZE, "the edit darkens no place").reason
    assert said == "the heat map is nowhere positive: the edit darkens no place"


def test_a_map_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match="must be square"):
        find_regions(TWO[:32], CONFIG, SIZE)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(["cluster", "ellipse", "hull"]), st.sampled_from([8, 64, 100]))
def test_every_number_of_every_region_is_finite_and_inside_the_image(seed: int, style: MaskStyle, size: int) -> None:
    rng = np.random.default_rng(seed)
    heat = rng.random((SIZE, SIZE)).astype(np.float32) ** rng.integers(1, 20)
    for region in find_regions(heat, RegionConfig(style=style, min_samples=int(rng.integers(1, 9))), size).regions:
        x, y, width, height = region.bbox
        assert 0 <= x < x + width <= size
        assert 0 <= y < y + height <= size
        assert 0 < region.area <= width * height
        assert 0 < region.mean_heat <= region.max_heat <= 1
        assert all(-0.5 <= at <= size - 0.5 for at in (*region.centroid, *region.peak))
        assert all(math.isfinite(value) for value in (region.importance, region.ellipse.major, region.ellipse.angle))


def test_noise_pixels_belong_to_no_cluster() -> None:
    labels = np.array([[-2, -1], [0, 0]], np.int32)
    ranking = rank_clusters(np.array([[0.1, 1.0], [0.5, 0.7]]), labels, "importance")
    assert (ranking.order.tolist(), ranking.points.tolist()) == ([0], [2])
    assert ranking.mean_heat[0] == pytest.approx(0.6)
