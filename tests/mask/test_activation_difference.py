"""The published map's formula, by hand, and against whole forwards."""

from __future__ import annotations

import pytest
import torch

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.activation_difference import ActivationDifference, cam_difference, channel_cam
from higan_cam.mask.heat import resize_maps, unit_peak
from tests.support.scorers import EDITED, FIRST_EDITED, Pair, SmoothScore

TAPS = (3, 4)


def test_a_cam_is_the_rectified_channel_sum_from_0_to_1() -> None:
    features = torch.tensor([[[[-3.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [1.0, 2.0]]]])
    torch.testing.assert_close(channel_cam(features), torch.tensor([[[0.0, 0.4], [0.6, 1.0]]]))


@pytest.mark.parametrize("value", [-2.0, 0.0, 5.0])
def test_a_flat_sum_is_a_zero_map(value: float) -> None:
    assert (channel_cam(torch.full((1, 3, 4, 4), value)) == 0).all()


def test_a_difference_is_scaled_by_its_range_and_its_falls_are_cut() -> None:
    negative, positive = torch.tensor([[[0.5, 0.5, 0.0]]]), torch.tensor([[[1.0, 0.25, 0.0]]])
    torch.testing.assert_close(cam_difference(negative, positive), torch.tensor([[[0.5 / 0.75, 0.0, 0.0]]]))
    assert (cam_difference(positive, positive) == 0).all()


def test_sharing_layers_gives_the_maps_of_two_whole_forwards(generator: StyleGAN2, pair: Pair) -> None:
    heat = torch.zeros(3, 32, 32)
    with torch.no_grad():
        ends = [generator.synthesize(codes, taps=TAPS)[1] for codes in pair]
        for tap in TAPS:
            heat += resize_maps(cam_difference(channel_cam(ends[0][tap]), channel_cam(ends[1][tap])), 32)
    ours = ActivationDifference(TAPS, 32)(generator, SmoothScore(), *pair)
    torch.testing.assert_close(ours, unit_peak(heat), atol=1e-5, rtol=0)


def test_layers_below_the_first_edited_row_add_nothing(generator: StyleGAN2, pair: Pair) -> None:
    edited_only = ActivationDifference(TAPS, 32)(generator, SmoothScore(), *pair)
    all_layers = ActivationDifference(tuple(range(5)), 32)(generator, SmoothScore(), *pair)
    torch.testing.assert_close(all_layers, edited_only)
    assert min(EDITED) == FIRST_EDITED


def test_equal_ends_have_no_heat(generator: StyleGAN2, pair: Pair) -> None:
    assert (ActivationDifference(TAPS, 32)(generator, SmoothScore(), pair.negative, pair.negative) == 0).all()
