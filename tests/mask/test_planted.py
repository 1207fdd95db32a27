"""A generator whose two lamps, dimming curtain and texture were put there by hand: every attribution's answer is known.

With code a (the one number that the edit moves), features are: a lamp in the middle (0.5 + a/4), a lamp cut by the edge
(likewise), a curtain that darkens (0.5 - a/4), and a texture that does not move. The image shows their sum, and
the score is its mean; so gradients of the score are the same positive number everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import AttributionConfig, RegionConfig
from higan_cam.mask import find_regions
from higan_cam.mask.attribution import OF_CHANGE, make_attribution
from higan_cam.mask.path import path_signed
from higan_cam.mask.points import TARGETS
from higan_cam.types import Sign, SynthesisState
from tests.support.scorers import WeightedMean

SIDE = 64
LAMP, EDGE_LAMP, CURTAIN = (slice(20, 34), slice(12, 26)), (slice(36, 50), slice(56, 64)), (slice(4, 16), slice(36, 52))
REGIONS = RegionConfig(eps=2, min_samples=10, threshold=0.5, top=5)
SCORER = WeightedMean(torch.ones(3, 1, 1))


@dataclass
class Planted:
    """The generator described above: one layer, one w+ row, one number."""

    z_dim: int = 1
    w_dim: int = 1
    num_layers: int = 1
    resolution: int = SIDE
    layer_resolutions: tuple[int, ...] = (SIDE,)
    edit_strength: tuple[float, ...] = (1.0,)

    def map(self, z: Tensor) -> Tensor:
        return z

    def truncate(self, w: Tensor) -> Tensor:
        return w[:, None]

    def advance(
        self, w_plus: Tensor, stop: int, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[SynthesisState, dict[int, Tensor]]:
        state = start or SynthesisState(0)
        if state.layer < stop:
            state = SynthesisState(1, features(w_plus[:, 0, 0]))
        return state, {tap: state.features for tap in taps if tap < stop and state.features is not None}

    def synthesize(
        self, w_plus: Tensor, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[Tensor, dict[int, Tensor]]:
        state, tapped = self.advance(w_plus, 1, taps, start)
        assert state.features is not None
        return state.features.sum(dim=1, keepdim=True).expand(-1, 3, -1, -1) - 0.5, tapped


class Broken(Planted):
    """Every feature is NaN."""

    def advance(
        self, w_plus: Tensor, stop: int, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[SynthesisState, dict[int, Tensor]]:
        state, _ = super().advance(w_plus, stop, (), start)
        if state.features is not None:
            state = SynthesisState(state.layer, state.features * torch.nan)
        return state, {tap: state.features for tap in taps if tap < stop and state.features is not None}


def features(amounts: Tensor) -> Tensor:
    """(N,) -> (N,4,SIDE,SIDE): lamp, edge lamp, curtain, texture."""
    planes = torch.zeros(4, SIDE, SIDE)
    for plane, place in enumerate((LAMP, EDGE_LAMP, CURTAIN)):
        planes[(plane, *place)] = 1
    columns = torch.stack([0.5 + amounts / 4, 0.5 + amounts / 4, 0.5 - amounts / 4, torch.ones_like(amounts)], dim=1)
    texture = 0.02 * torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return columns[:, :, None, None] * torch.cat([planes[:3], texture[None]])


def ends() -> tuple[Tensor, Tensor]:
    return torch.full((1, 1, 1), -1.0), torch.full((1, 1, 1), 1.0)


def heat_of(name: str, swapped: bool = False, sign: Sign | Literal["auto"] = "auto") -> Tensor:
    attribution = make_attribution(AttributionConfig(name=name, map_size=SIDE, steps=4, sign=sign), (0,))
    negative, positive = ends()[::-1] if swapped else ends()
    return attribution(Planted(), SCORER, negative, positive)[0]


def mean_heat(heat: Tensor) -> list[float]:
    """In the middle of lamp, edge lamp, curtain (2 px from their borders, for the blur), and far from all of them."""
    inside = [heat[rows.start + 2 : rows.stop - 2, columns.start + 2 : columns.stop - 2] for rows, columns in PLACES]
    return [float(part.mean()) for part in (*inside, heat[54:62, 2:40])]


PLACES = (LAMP, EDGE_LAMP, CURTAIN)
SEES_ALL_CHANGE = ("image_difference", "light_change", "colour_change", "light_steps")
BRIGHTENS = [name for name in OF_CHANGE if name not in SEES_ALL_CHANGE]
SHARP = [name for name in OF_CHANGE if not name.startswith("light_")]
"""Without surroundings; what the others answer is in test_light_change.py, pixel by pixel."""


@pytest.mark.parametrize("name", BRIGHTENS)
def test_what_raises_the_score_is_hot_and_what_lowers_it_is_cold(name: str) -> None:
    lamp, edge, curtain, wall = mean_heat(heat_of(name))
    assert [lamp, edge, curtain, wall] == pytest.approx([1, 1, 0, 0], abs=0.02)


@pytest.mark.parametrize("name", BRIGHTENS)
def test_the_other_way_round_the_curtain_is_what_raises_it(name: str) -> None:
    lamp, edge, curtain, wall = mean_heat(heat_of(name, swapped=True))
    assert [lamp, edge, curtain, wall] == pytest.approx([0, 0, 1, 0], abs=0.02)


def test_the_image_difference_sees_all_that_changes() -> None:
    lamp, edge, curtain, wall = mean_heat(heat_of("image_difference"))
    assert [lamp, edge, curtain, wall] == pytest.approx([1, 1, 1, 0], abs=0.02)


@pytest.mark.parametrize("name", SHARP)
@pytest.mark.parametrize(("sign", "lamps", "dims"), [("positive", 1, 0), ("negative", 0, 1), ("both", 1, 1)])
def test_each_sign_is_to_be_had_alone(name: str, sign: Sign, lamps: int, dims: int) -> None:
    lamp, edge, curtain, wall = mean_heat(heat_of(name, sign=sign))
    assert [lamp, edge, curtain, wall] == pytest.approx([lamps, lamps, dims, 0], abs=0.02)


def test_the_signed_path_counts_both_lamps_and_the_curtain_to_the_last_digit() -> None:
    signed = path_signed(Planted(), SCORER, *ends(), steps=3)[0]
    per_pixel = 3 * 0.5 / SIDE**2  # three channels brighten by 0.5; the score is a mean over pixels
    for place, sign in zip(PLACES, (1, 1, -1), strict=True):
        torch.testing.assert_close(signed[place], torch.full_like(signed[place], sign * per_pixel))
    pixels = 14 * 14 + 14 * 8 - 12 * 16
    assert float(signed.sum()) == pytest.approx(pixels * per_pixel, rel=1e-5)


@pytest.mark.parametrize("name", OF_CHANGE)
def test_both_lamps_become_regions_also_the_one_cut_by_the_edge(name: str) -> None:
    result = find_regions(heat_of(name).numpy(), REGIONS, SIDE)
    found = [place for place in PLACES if (result.mask[place] > 0).mean() > 0.9]
    wanted = [LAMP, EDGE_LAMP, CURTAIN] if name in SEES_ALL_CHANGE else [LAMP, EDGE_LAMP]
    assert found == wanted
    assert len(result.regions) == len(wanted)
    truth = np.zeros((SIDE, SIDE), bool)
    for place in wanted:
        truth[place] = True
    both = (truth & (result.mask > 0)).sum() / (truth | (result.mask > 0)).sum()
    assert both > 0.8


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 0.0])
def test_features_that_say_nothing_make_an_empty_mask_with_a_reason(broken: float) -> None:
    heat = np.full((SIDE, SIDE), broken, np.float32)
    result = find_regions(heat, REGIONS, SIDE)
    assert (result.status, result.regions, int(result.mask.max())) == ("empty", (), 0)
    assert result.reason


@pytest.mark.parametrize("name", OF_CHANGE)
def test_features_of_nan_make_an_empty_mask_with_a_reason(name: str) -> None:
    attribution = make_attribution(AttributionConfig(name=name, map_size=SIDE, steps=2), (0,))
    result = find_regions(attribution(Broken(), SCORER, *ends())[0].numpy(), REGIONS, SIDE)
    assert (result.status, result.regions) == ("empty", ())
    assert "NaN" in result.reason


@pytest.mark.parametrize("name", OF_CHANGE)
def test_features_that_stay_the_same_make_an_empty_mask_with_a_reason(name: str) -> None:
    attribution = make_attribution(AttributionConfig(name=name, map_size=SIDE, steps=2), (0,))
    negative, _ = ends()
    result = find_regions(attribution(Planted(), SCORER, negative, negative)[0].numpy(), REGIONS, SIDE)
    assert (result.status, result.reason[:29]) == ("empty", "the heat map is nowhere posit")


def test_the_emitter_of_a_planted_lamp_is_the_lamp() -> None:
    """A pool of light at 0.6 of the lamp's heat around each lamp: extent takes both, emitter the lamps alone."""
    heat = 0.6 * np.ones((SIDE, SIDE), np.float32)
    heat[:, :8] = 0
    lamps = np.zeros((SIDE, SIDE), bool)
    for place in (LAMP, EDGE_LAMP):
        heat[place], lamps[place] = 1, True
    masks = {
        target: find_regions(heat, REGIONS.model_copy(update={"target": target}), SIDE).mask > 0 for target in TARGETS
    }
    np.testing.assert_array_equal(masks["emitter"], lamps)
    np.testing.assert_array_equal(masks["extent"], heat > 0)
