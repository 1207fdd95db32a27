"""Source and effect told apart: the tops of high peaks, and everything that is hot."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import RegionConfig, RunConfig
from higan_cam.generate import sample_latents
from higan_cam.manipulate import push
from higan_cam.mask import LightChange, find_regions
from higan_cam.mask.points import emitter_points, extent_points
from higan_cam.pipeline import Models, edit_for
from higan_cam.rooms import truth
from higan_cam.rooms.localisation import iou
from higan_cam.types import BoolArray, Boundary, FloatArray

SIDE = 48
EMITTER = RegionConfig(target="emitter", emitter_peak=0.6, emitter_grow=0.75, eps=2, min_samples=8)


def away(y: int, x: int) -> FloatArray:
    rows, columns = np.indices((SIDE, SIDE))
    distance: FloatArray = np.hypot(rows - y, columns - x).astype(np.float32)
    return distance


def cone(y: int, x: int, height: float, radius: float) -> FloatArray:
    """Falls evenly from its height to 0 at the radius."""
    heat: FloatArray = np.maximum(height * (1 - away(y, x) / radius), 0).astype(np.float32)
    return heat


def by_definition(heat: FloatArray, config: RegionConfig) -> BoolArray:
    """The tops by the words of the docstring: flood from every pixel, never below its own heat."""
    tops = np.zeros(heat.shape, bool)
    peaks = np.zeros(heat.shape)
    for place in np.ndindex(*heat.shape):
        peaks[place] = max(heat[at] for at in flood(heat >= heat[place], place))
        tops[place] = heat[place] > np.float32(config.emitter_grow) * np.float32(peaks[place])
    high = np.float32(config.emitter_peak) * heat.max()
    stays = np.zeros(heat.shape, bool)
    for place in zip(*np.nonzero(tops & (heat >= high)), strict=True):
        for at in flood(tops, place):
            stays[at] = True
    return stays


def flood(allowed: BoolArray, start: tuple[int, ...]) -> set[tuple[int, ...]]:
    seen, todo = {start}, [start]
    while todo:
        y, x = todo.pop()
        for place in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
            inside = 0 <= place[0] < allowed.shape[0] and 0 <= place[1] < allowed.shape[1]
            if inside and place not in seen and allowed[place]:
                seen.add(place)
                todo.append(place)
    return seen


def test_a_cone_keeps_its_top() -> None:
    heat = cone(24, 24, 1, 20)
    np.testing.assert_array_equal(emitter_points(heat, EMITTER), away(24, 24) < 5)


def test_each_peak_is_measured_by_its_own_height() -> None:
    heat = np.maximum(cone(12, 12, 1.0, 12), cone(34, 34, 0.7, 12))
    wanted = (away(12, 12) < 3) | (away(34, 34) < 3)
    np.testing.assert_array_equal(emitter_points(heat, EMITTER), wanted)


def test_a_peak_that_is_not_high_has_no_top() -> None:
    heat = np.maximum(cone(12, 12, 1.0, 12), cone(34, 34, 0.59, 12))
    np.testing.assert_array_equal(emitter_points(heat, EMITTER), away(12, 12) < 3)


def test_the_light_around_a_lamp_is_extent_and_not_emitter() -> None:
    lamp, pool = away(20, 20) < 4, away(20, 20) < 14
    heat = np.where(lamp, 1.0, np.where(pool, 0.7, 0.05)).astype(np.float32)
    np.testing.assert_array_equal(emitter_points(heat, EMITTER), lamp)
    np.testing.assert_array_equal(extent_points(heat, EMITTER), pool)


def test_the_emitter_lies_within_the_extent_at_its_lowest_height() -> None:
    heat = np.maximum(cone(12, 12, 1.0, 12), cone(34, 30, 0.8, 16))
    lowest = RegionConfig(threshold=EMITTER.emitter_peak * EMITTER.emitter_grow)
    assert not (emitter_points(heat, EMITTER) & ~extent_points(heat, lowest)).any()


@given(st.integers(0, 2**32), st.sampled_from([0.5, 0.75, 0.9]), st.sampled_from([0.3, 0.6, 1.0]))
def test_tops_are_those_of_the_definition(seed: int, grow: float, peak: float) -> None:
    heat = np.random.default_rng(seed).integers(0, 12, (7, 9)).astype(np.float32)
    heat[3, 4] = 12
    config = RegionConfig(emitter_grow=grow, emitter_peak=peak)
    np.testing.assert_array_equal(emitter_points(heat, config), by_definition(heat, config))


def test_regions_of_emitters_are_where_the_peaks_are() -> None:
    heat = np.maximum(cone(12, 12, 1.0, 14), cone(34, 34, 0.9, 14))
    regions = find_regions(heat, EMITTER, SIDE).regions
    assert sorted(region.peak for region in regions) == [(12, 12), (34, 34)]


def test_tops_too_small_to_cluster_are_an_empty_mask_with_the_reason() -> None:
    result = find_regions(cone(24, 24, 1, 4), EMITTER, SIDE)
    assert result.status == "empty"
    assert "1 pixels are tops of high peaks, none with 8 of them within 2 px" in result.reason


@pytest.mark.parametrize("scale", [0.1, 7.0])
def test_only_shares_of_the_maximum_count(scale: float) -> None:
    heat = np.maximum(cone(12, 12, 1.0, 12), cone(34, 34, 0.7, 12))
    scaled = (np.float32(scale) * heat).astype(np.float32)
    assert (emitter_points(scaled, EMITTER) != emitter_points(heat, EMITTER)).mean() < 0.01


def test_in_rooms_emitters_are_the_lamps_and_extents_their_light(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    """24 pictures of the embedded generator against the re-render of their latents; as shipped, but for the target."""
    latents = sample_latents(range(24), 77, models.generator.z_dim)
    with torch.inference_mode():
        codes = models.generator.truncate(models.generator.map(torch.from_numpy(latents)))
        ends = push(codes, boundary, edit_for(models, config, boundary))
        heats = LightChange()(models.generator, models.scorer, *ends).numpy()
    known = truth(latents, models.generator.resolution)
    lamps, light = known.fixture.any(dim=1).numpy(), known.light.sum(dim=1).numpy()
    truths = {"lamps": lamps, "light": light > 0.25 * light.max(axis=(1, 2), keepdims=True)}
    overlap: dict[tuple[str, str], float] = {}
    for target in ("emitter", "extent"):
        settings = RegionConfig(target=target)
        masks = np.stack([find_regions(heat, settings, models.generator.resolution).mask > 0 for heat in heats])
        overlap |= {
            (target, name): float(iou(masks, place)[lamps.any(axis=(1, 2))].mean()) for name, place in truths.items()
        }
    assert overlap["emitter", "lamps"] > overlap["extent", "lamps"] + 0.1
    assert overlap["extent", "light"] > overlap["emitter", "light"] + 0.03
