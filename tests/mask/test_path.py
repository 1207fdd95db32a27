"""Path attribution: completeness, signs, and the one-point limit."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.heat import image_gradient
from higan_cam.mask.path import Jvp, Path, jvp_signed, path_signed
from higan_cam.types import Scorer
from tests.support.scorers import Pair, SmoothScore, WeightedMean


def score_change(generator: StyleGAN2, scorer: Scorer, pair: Pair) -> Tensor:
    with torch.no_grad():
        low, high = (scorer.score(generator.synthesize(codes)[0]) for codes in pair)
    return high - low


def gap(generator: StyleGAN2, pair: Pair, steps: int) -> float:
    """Completeness error as a share of the score change."""
    change = score_change(generator, SmoothScore(), pair)
    total = path_signed(generator, SmoothScore(), *pair, steps).sum(dim=(1, 2))
    return float((total - change).abs().sum() / change.abs().sum())


@pytest.mark.parametrize("steps", [1, 5])
def test_contributions_to_a_linear_score_sum_to_its_change_exactly(
    generator: StyleGAN2, pair: Pair, steps: int
) -> None:
    scorer = WeightedMean(torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(2)))
    total = path_signed(generator, scorer, *pair, steps).sum(dim=(1, 2))
    torch.testing.assert_close(total, score_change(generator, scorer, pair), atol=1e-5, rtol=1e-4)


def test_more_steps_are_more_complete(generator: StyleGAN2, pair: Pair) -> None:
    errors = [gap(generator, pair, steps) for steps in (1, 4, 16)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 0.05
    assert errors[2] < 0.005


def test_swapped_ends_negate_the_signed_map(generator: StyleGAN2, pair: Pair) -> None:
    there = path_signed(generator, SmoothScore(), pair.negative, pair.positive, 4)
    back = path_signed(generator, SmoothScore(), pair.positive, pair.negative, 4)
    torch.testing.assert_close(back, -there, atol=1e-6, rtol=1e-4)


def test_a_score_that_looks_at_one_corner_gets_heat_there_only(generator: StyleGAN2, pair: Pair) -> None:
    weight = torch.zeros(3, 16, 16)
    weight[:, :4, :4] = 1
    heat = Path(steps=2, map_size=16)(generator, WeightedMean(weight), *pair)
    assert (heat[:, 7:, :] == 0).all()  # 3 px of smoothing beyond the corner
    assert (heat[:, :, 7:] == 0).all()


def test_the_one_point_map_is_the_derivative_of_the_image_times_that_of_the_score(
    generator: StyleGAN2, pair: Pair
) -> None:
    precise, scorer = copy.deepcopy(generator).double(), SmoothScore()
    negative, positive = pair.negative.double(), pair.positive.double()
    nudge = 1e-6
    with torch.no_grad():
        near = [precise.synthesize(torch.lerp(negative, positive, 0.5 + at))[0] for at in (-nudge, nudge)]
    expected = (scorer.score(near[1]) - scorer.score(near[0])) / (2 * nudge)
    total = jvp_signed(precise, scorer, negative, positive).sum(dim=(1, 2))
    torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-7)


def test_the_one_point_map_equals_finite_differences_in_every_pixel(generator: StyleGAN2, pair: Pair) -> None:
    precise, scorer = copy.deepcopy(generator).double(), SmoothScore()
    negative, positive = pair.negative.double(), pair.positive.double()
    nudge = 1e-6
    with torch.no_grad():
        low, middle, high = (
            precise.synthesize(torch.lerp(negative, positive, 0.5 + at))[0] for at in (-nudge, 0, nudge)
        )
    change = (high - low) / (2 * nudge)
    expected = (image_gradient(scorer, middle) * change).sum(dim=1)
    found = jvp_signed(precise, scorer, negative, positive)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


def test_the_one_point_map_is_a_short_path(generator: StyleGAN2, pair: Pair) -> None:
    middle, short = torch.lerp(*pair, 0.5), (pair.positive - pair.negative) * 1e-3
    near = Pair(middle - short / 2, middle + short / 2)
    torch.testing.assert_close(
        path_signed(generator, SmoothScore(), *near, 1) * 1e3,
        jvp_signed(generator, SmoothScore(), *pair),
        atol=2e-4,
        rtol=0.05,
    )


@pytest.mark.parametrize("attribution", [Path(steps=2, map_size=32), Jvp(map_size=32)])
def test_equal_ends_have_no_heat(attribution: Path | Jvp, generator: StyleGAN2, pair: Pair) -> None:
    assert (attribution(generator, SmoothScore(), pair.negative, pair.negative) == 0).all()
