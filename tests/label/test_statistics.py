"""Statistics of pictures whose values are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.label import load_scorer
from higan_cam.label.statistics import STATISTICS

NAMES = sorted(STATISTICS)


def plain(red: float, green: float, blue: float) -> Tensor:
    """(1,3,8,8) in [-1,1] of one colour given in [0,1]."""
    return (torch.tensor([red, green, blue])[None, :, None, None] * 2 - 1).expand(1, 3, 8, 8).clone()


def test_luminance_and_warmth_of_plain_colours() -> None:
    assert float(load_scorer("luminance").score(plain(1, 1, 1))) == pytest.approx(1)
    assert float(load_scorer("luminance").score(plain(0, 1, 0))) == pytest.approx(0.587)
    assert float(load_scorer("warmth").score(plain(1, 0.5, 0.25))) == pytest.approx(0.75)


def test_a_black_and_white_edge_counts_once_per_row() -> None:
    image = plain(0, 0, 0)
    image[..., 4:] = 1
    assert float(load_scorer("edge_density").score(image)) == pytest.approx(1 / 7, abs=1e-4)
    assert float(load_scorer("edge_density").score(plain(0.3, 0.3, 0.3))) == pytest.approx(0, abs=1e-5)


def test_daylight_is_the_share_of_bright_bluish_pixels() -> None:
    image = plain(0.5, 0.3, 0.2)
    image[..., :2] = plain(0.6, 0.8, 1.0)[..., :2]
    daylight = load_scorer("daylight")
    assert float(daylight.score(image)) == pytest.approx(0.25, abs=0.01)
    for other in (plain(1, 0.9, 0.7), plain(0.1, 0.1, 0.3), plain(0.35, 0.4, 0.6)):  # a lamp, the night, a blue wall
        assert float(daylight.score(other)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_scores_lie_in_their_range_whatever_the_picture(name: str) -> None:
    scorer = load_scorer(name)
    scores = scorer.score(3 * torch.randn(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert scores.shape == (20,)
    assert float(scores.min()) >= scorer.score_range[0]
    assert float(scores.max()) <= scorer.score_range[1]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_finite_differences_and_are_finite_on_flat_pictures(name: str) -> None:
    scorer = load_scorer(name)
    draw = torch.Generator().manual_seed(1)
    image = (torch.rand(2, 3, 5, 5, generator=draw, dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(scorer.score, image, eps=1e-6, atol=1e-6)
    flat = plain(0.5, 0.5, 0.5).requires_grad_()
    scorer.score(flat).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()
