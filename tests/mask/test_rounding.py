"""Rounding is no region, and small lights are: maps of pairs that do not change, and of one that changes in a spot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from higan_cam.config import AttributionConfig, EditConfig, RegionConfig, RunConfig
from higan_cam.generate import to_uint8
from higan_cam.mask.activation_difference import cam_difference, channel_cam
from higan_cam.mask.attribution import ATTRIBUTIONS, OF_CHANGE, make_attribution, why_nowhere
from higan_cam.mask.heat import one_sign
from higan_cam.mask.rounding import (
    LEVEL,
    MARGIN,
    beyond_rounding,
    levels_of_rounding,
    picture_change,
    where_pictures_change,
)
from higan_cam.pipeline import Models, attribute_unit, edited_ends, load_models, measured_floor, w_plus_of
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.types import Boundary, Precision, SynthesisState, WorkUnit
from tests.mask.test_planted import SCORER, Planted

COUNT = 2
LOOSE = RegionConfig(min_samples=1, threshold=0.3)
"""Regions that take any map for one: what they refuse, nothing takes."""


def edited(config: RunConfig, name: str, distance: float, precision: Precision = "float32") -> RunConfig:
    return config.model_copy(
        update={
            "edit": EditConfig(distance=distance),
            "attribution": AttributionConfig(name=name, steps=2, map_size=128),
            "regions": LOOSE,
            "generator": config.generator.model_copy(update={"precision": precision}),
        }
    )


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_every_map_of_a_pair_that_does_not_change_is_empty_and_says_why(
    name: str, models: Models, config: RunConfig, boundary: Boundary
) -> None:
    settings = edited(config, name, 1e-6)
    made = mask_samples(models.scorer, settings, attribute_unit(models, settings, boundary, WorkUnit(0, 0, COUNT)))
    assert [sample.status for sample in made] == ["empty"] * COUNT
    assert {sample.reason for sample in made} == {
        f"the heat map is nowhere positive: {why_nowhere(settings.attribution)}"
    }
    assert not any(sample.mask.any() or sample.heat.any() for sample in made)


@pytest.mark.parametrize("name", OF_CHANGE)
def test_every_map_of_a_real_edit_stays(name: str, models: Models, config: RunConfig, boundary: Boundary) -> None:
    settings = edited(config, name, 0.3)
    heat = attribute_unit(models, settings, boundary, WorkUnit(0, 0, COUNT)).heat
    assert heat.max(axis=(1, 2)).tolist() == [1.0] * COUNT


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_a_map_made_without_a_run_knows_rounding_too(name: str) -> None:
    attribution = make_attribution(AttributionConfig(name=name, map_size=64, steps=2), (0,))
    negative, positive = (torch.full((1, 1, 1), amount) for amount in (-1e-6, 1e-6))
    assert (attribution(Planted(), SCORER, negative, positive) == 0).all()


def test_a_sign_whose_peak_is_the_others_rounding_is_not_there() -> None:
    signed = torch.zeros(2, 8, 8)
    signed[:, 0, 0], signed[0, 5, 5], signed[1, 5, 5] = -1, 1e-6, 0.01
    assert one_sign(signed, "positive").amax(dim=(1, 2)).tolist() == pytest.approx([0, 0.01])
    assert one_sign(signed, "negative").amax(dim=(1, 2)).tolist() == [1, 1]


def test_layers_that_are_flat_or_the_same_but_for_rounding_add_nothing() -> None:
    noise = 1e-6 * torch.rand(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert (channel_cam(5 + noise) == 0).all()
    cam = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert (cam_difference(cam, cam + noise[:, 0]) == 0).all()


@pytest.mark.parametrize(("levels", "kept"), [(0.0, 0), (0.9, 0), (1.1, 1), (50.0, 1)])
def test_a_picture_changes_when_some_value_moves_by_more_than_a_level(levels: float, kept: int) -> None:
    negative = torch.zeros(1, 3, 8, 8)
    positive = negative.clone()
    positive[0, 1, 3, 3] = levels * LEVEL
    assert where_pictures_change(torch.ones(1, 8, 8), picture_change(negative, positive)).max() == kept
    assert picture_change(negative + 2, positive + 2).item() == 0  # what a picture cannot show is no change


def test_what_is_broken_stays_visible_as_that() -> None:
    broken = torch.full((1, 4, 4), torch.nan)
    assert beyond_rounding(broken, broken).isnan().all()
    assert where_pictures_change(broken, broken[:, 0, 0]).isnan().all()


@given(st.lists(st.tuples(st.floats(-1.5, 1.5, width=32), st.floats(-1.5, 1.5, width=32)), min_size=1, max_size=5))
def test_pictures_of_8_bits_differ_by_no_more_than_the_floor_of_their_difference(
    pairs: list[tuple[float, float]],
) -> None:
    ends = torch.tensor(pairs).T[:, :, None, None, None].expand(2, len(pairs), 3, 4, 4)
    first, second = (to_uint8(end).astype(np.int64) for end in ends)
    assert np.abs(first - second).max() <= levels_of_rounding(picture_change(*ends))


@pytest.mark.parametrize(("largest", "levels"), [(0.0, 1), (0.4, 1), (0.6, 2), (2.9, 6), (torch.nan, 1)])
def test_the_floor_is_whole_levels_with_a_margin_and_never_below_one(largest: float, levels: int) -> None:
    assert MARGIN == 2
    assert levels_of_rounding(torch.tensor([0.01, largest]) * LEVEL) == levels


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_floor_lies_above_what_pairs_that_differ_by_a_thousandth_show(
    precision: Precision, config: RunConfig, boundary: Boundary
) -> None:
    """Measured: the pictures of pairs 1e-6 to 1e-3 code units apart, whose edit no 8-bit picture could show."""
    largest = 0.0
    for distance in (1e-6, 1e-4, 1e-3):
        settings = edited(config, "path", distance, precision)
        models = load_models(settings)
        with torch.inference_mode():
            ends = edited_ends(models, settings, boundary, w_plus_of(models, settings, range(4)))
            pictures = [models.generator.synthesize(codes)[0].float() for codes in (ends.negative, ends.positive)]
        largest = max(largest, float(picture_change(*pictures).max()) / LEVEL)
    assert 0 < largest < measured_floor(models, settings)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def measured(request: pytest.FixtureRequest, config: RunConfig) -> tuple[Precision, Models, int]:
    """A precision, the networks in it, and the floor that a run of it measures."""
    models = load_models(edited(config, "path", 1.0, request.param))
    return request.param, models, measured_floor(models, config)


@pytest.mark.parametrize(("distance", "refused"), [(1e-6, 1.0), (1e-3, 1.0), (0.3, 0.0)])
def test_the_share_of_maps_refused_is_all_of_noise_and_none_of_edits(
    distance: float,
    refused: float,
    measured: tuple[Precision, Models, int],
    config: RunConfig,
    boundary: Boundary,
) -> None:
    """Over every method, each on a sample of its own."""
    precision, models, floor = measured
    heat = np.concatenate(
        [
            attribute_unit(
                models, edited(config, name, distance, precision), boundary, WorkUnit(0, index, index + 1), floor
            ).heat
            for index, name in enumerate(ATTRIBUTIONS)
        ]
    )
    assert np.mean(~heat.any(axis=(1, 2))) == refused


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@pytest.mark.parametrize(("levels", "kept"), [(3.0, True), (0.9, False)])
def test_a_change_of_three_levels_that_was_planted_is_kept(
    name: str, levels: float, kept: bool, config: RunConfig
) -> None:
    """The planted lamps brighten by so many levels of 255 and nothing else does; the floor is measured on them."""
    models = Models(Planted(), SCORER, torch.device("cpu"))
    along = Boundary(np.ones(1, np.float32), 0.0, "w", (0,), "planted")
    settings = edited(config, name, 2 * levels * LEVEL)  # a picture brightens by a quarter of what the code moves
    heat = attribute_unit(models, settings, along, WorkUnit(0, 0, COUNT), measured_floor(models, settings)).heat
    assert heat.any(axis=(1, 2)).tolist() == [kept] * COUNT


class Spots(Planted):
    """128 px; each code lights one pixel of its own, at the offset that its number says."""

    resolution = 128
    layer_resolutions: tuple[int, ...] = (128,)

    def advance(
        self, w_plus: Tensor, stop: int, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[SynthesisState, dict[int, Tensor]]:
        state = start or SynthesisState(0)
        if state.layer < stop:
            planes = torch.full((len(w_plus), 4, 128, 128), 0.1)
            for row in range(len(w_plus)):
                offset = row % 16
                planes[row, 0, 40 + offset // 4, 72 + offset % 4] += w_plus[row, 0, 0]
            state = SynthesisState(1, planes)
        return state, {tap: state.features for tap in taps if tap < stop and state.features is not None}


@pytest.mark.parametrize("name", OF_CHANGE)
def test_a_light_of_one_pixel_is_in_the_map_at_every_offset(name: str) -> None:
    """128 px of picture and layer, 32 px of map: the light is the map's peak, and lies where it was put."""
    attribution = make_attribution(AttributionConfig(name=name, map_size=32, steps=2), (0,))
    ends = torch.zeros(16, 1, 1), torch.ones(16, 1, 1)
    heat = attribution(Spots(), SCORER, *ends)
    assert heat.amax(dim=(1, 2)).tolist() == [1.0] * 16
    at = [divmod(int(one.argmax()), 32) for one in heat]
    assert at == [(10, 18)] * 16
