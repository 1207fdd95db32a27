"""What the attributions share."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.heat import image_gradient, repeat_state, resize_maps, shared_prefix, smooth, unit_peak
from tests.support.scorers import FIRST_EDITED, Pair, SmoothScore, WeightedMean


def test_unit_peak_keeps_proportions_and_drops_what_is_negative() -> None:
    maps = torch.tensor([[[-4.0, 1.0], [2.0, 0.5]]])
    assert unit_peak(maps).tolist() == [[[0.0, 0.5], [1.0, 0.25]]]


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_a_map_that_is_nowhere_positive_becomes_zeros(value: float) -> None:
    assert (unit_peak(torch.full((2, 3, 3), value)) == 0).all()


@pytest.mark.parametrize("size", [1, 8, 17, 23, 24, 31, 64])
def test_resizing_equals_cv2(size: int) -> None:
    maps = torch.rand(2, 24, 24, generator=torch.Generator().manual_seed(0))
    how = cv2.INTER_AREA if size < 24 else cv2.INTER_LINEAR
    expected = [cv2.resize(one.numpy(), (size, size), interpolation=how) for one in maps]
    torch.testing.assert_close(resize_maps(maps, size), torch.from_numpy(np.stack(expected)), atol=2e-6, rtol=0)


@pytest.mark.parametrize(("side", "size"), [(64, 16), (64, 63), (48, 20), (100, 64), (37, 16)])
def test_shrinking_keeps_every_spot_its_sum_and_its_place(side: int, size: int) -> None:
    """One pixel of light at every place along a diagonal and an edge: all offsets to the map's pixels."""
    scale = size / side
    spots = torch.zeros(2 * side, side, side)
    for place in range(side):
        spots[place, place, place] = spots[side + place, 0, place] = 1
    small = resize_maps(spots, size).double()
    sums = small.sum(dim=(1, 2))
    torch.testing.assert_close(sums, torch.full_like(sums, scale**2), rtol=0.01, atol=0)
    assert small.amin() >= 0
    places = torch.arange(size).double()
    for axis, expected in ((2, torch.arange(side).repeat(2)), (1, torch.cat([torch.arange(side), torch.zeros(side)]))):
        centroid = (small.sum(dim=3 - axis) * places).sum(dim=1) / sums
        assert float((centroid - ((expected + 0.5) * scale - 0.5)).abs().max()) <= 0.5


def test_shrinking_keeps_the_mean_of_any_map_and_its_symmetry() -> None:
    maps = torch.rand(3, 50, 50, generator=torch.Generator().manual_seed(1))
    small = resize_maps(maps, 17)
    torch.testing.assert_close(small.mean(dim=(1, 2)), maps.mean(dim=(1, 2)), rtol=1e-5, atol=0)
    torch.testing.assert_close(resize_maps(maps.flip(1, 2), 17), small.flip(1, 2))
    torch.testing.assert_close(resize_maps(torch.full((1, 50, 50), 0.3), 17), torch.full((1, 17, 17), 0.3))


def test_smoothing_spreads_a_point_and_keeps_its_sum() -> None:
    maps = torch.zeros(1, 21, 21)
    maps[0, 10, 10] = 1
    spread = smooth(maps, 1.0)
    assert spread.sum() == pytest.approx(1, abs=1e-6)
    second_moment = (spread[0] * torch.arange(-10, 11).square()).sum()
    assert second_moment == pytest.approx(1, rel=0.02)  # cutting at three sigma loses 1 to 2 %
    torch.testing.assert_close(smooth(torch.full((1, 4, 4), 7.0), 1.0), torch.full((1, 4, 4), 7.0))


def test_the_shared_prefix_ends_at_the_first_edited_row_and_changes_nothing(generator: StyleGAN2, pair: Pair) -> None:
    state = shared_prefix(generator, *pair)
    assert state.layer == FIRST_EDITED
    whole, _ = generator.synthesize(torch.cat(pair))
    resumed, _ = generator.synthesize(torch.cat(pair), start=repeat_state(state, 2))
    torch.testing.assert_close(resumed, whole, atol=1e-5, rtol=0)


def test_equal_codes_share_every_layer(generator: StyleGAN2, pair: Pair) -> None:
    assert shared_prefix(generator, pair.negative, pair.negative).layer == len(generator.layer_resolutions)
    assert shared_prefix(generator, pair.negative, pair.negative, stop=2).layer == 2


def test_the_image_gradient_of_a_linear_score_is_its_weight() -> None:
    weight = torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(0))
    image = torch.randn(2, 3, 6, 6)
    with torch.inference_mode():
        gradient = image_gradient(WeightedMean(weight), image)
    torch.testing.assert_close(gradient, (weight / 36).expand(2, -1, -1, -1))


def test_the_image_gradient_touches_nothing_else() -> None:
    image = torch.randn(1, 3, 4, 4)
    image_gradient(SmoothScore(), image)
    assert not image.requires_grad
