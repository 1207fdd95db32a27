"""The ordinal head and the lighting score."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from higan_cam.label.lighting import LEVELS, CoralHead, LightingScorer, coral_loss
from higan_cam.types import Scorer

NUMBERS = st.floats(-30, 30, width=32)


def images(count: int = 3, side: int = 48, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def scorer() -> LightingScorer:
    torch.manual_seed(0)
    return LightingScorer(width=4, input_size=32).eval()


@given(NUMBERS, st.lists(NUMBERS, min_size=LEVELS - 2, max_size=LEVELS - 2), st.lists(NUMBERS, min_size=4, max_size=4))
def test_probabilities_are_ordered_whatever_the_parameters(
    first: float, gaps: list[float], features: list[float]
) -> None:
    head = CoralHead(4)
    with torch.no_grad():
        head.first_bias.fill_(first)
        head.gaps.copy_(torch.tensor(gaps))
        assert (head.biases().diff() <= 0).all()
        assert (head(torch.tensor([features])).diff(dim=1) <= 0).all()


def test_one_weight_vector_serves_every_threshold() -> None:
    head, features = CoralHead(4), torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    gaps = head.logits(features) - head.logits(features)[:, :1]
    torch.testing.assert_close(gaps, gaps[:1].expand_as(gaps))


@pytest.mark.parametrize("level", range(LEVELS))
def test_loss_of_a_whole_level_is_corals(level: int) -> None:
    logits = torch.tensor([[1.5, 0.2, -0.7]])
    extended = torch.tensor([[float(level >= k) for k in (1, 2, 3)]])
    expected = F.binary_cross_entropy_with_logits(logits, extended)
    torch.testing.assert_close(coral_loss(logits, torch.tensor([level])), expected)
    torch.testing.assert_close(coral_loss(logits, torch.tensor([float(level)])), expected)


@given(st.floats(0, LEVELS - 1, width=32))
def test_the_best_logits_for_a_level_score_that_level(level: float) -> None:
    targets = (torch.tensor(level, dtype=torch.float64) - torch.arange(LEVELS - 1)).clamp(0, 1)
    best = torch.logit(targets.clamp(1e-9, 1 - 1e-9)).requires_grad_()
    coral_loss(best[None], torch.tensor([level])).backward()
    assert best.grad is not None
    assert best.grad.abs().max() < 1e-6
    assert float(best.detach().sigmoid().sum()) == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_scores_stay_in_range(scorer: LightingScorer, scale: float) -> None:
    scores = scorer.score(images(scale=scale))
    low, high = scorer.score_range
    assert scores.shape == (3,)
    assert ((scores >= low) & (scores <= high)).all()


def test_scores_are_the_sum_of_the_probabilities(scorer: LightingScorer) -> None:
    torch.testing.assert_close(scorer.score(images()), scorer.logits(images()).sigmoid().sum(1))


def test_score_is_differentiable_down_to_the_pixels(scorer: LightingScorer) -> None:
    x = images(1).mul(0.3).double().requires_grad_()
    score = scorer.double().score(x).sum()
    (gradient,) = torch.autograd.grad(score, x)
    step = 1e-5 * gradient / gradient.norm()
    with torch.no_grad():
        slope = (scorer.score(x + step) - scorer.score(x - step)).item() / 2e-5
    assert slope == pytest.approx(float(gradient.norm()), rel=1e-3)


def test_values_outside_the_picture_range_are_clamped(scorer: LightingScorer) -> None:
    assert torch.equal(scorer.score(images(scale=9.0)), scorer.score(images(scale=9.0).clamp(-1, 1)))


def test_a_picture_of_the_input_size_is_only_normalised(scorer: LightingScorer) -> None:
    x = images(1, side=32).clamp(-1, 1)
    expected = ((x + 1) / 2 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    torch.testing.assert_close(scorer.preprocess(x), expected)


@torch.no_grad()
def test_inference_form_gives_the_same_scores(scorer: LightingScorer) -> None:
    before = scorer.score(images())
    ready = scorer.for_inference().for_inference()
    torch.testing.assert_close(ready.score(images()), before, atol=1e-5, rtol=1e-4)
    assert not any(parameter.requires_grad for parameter in ready.parameters())


def test_it_is_a_scorer(scorer: LightingScorer) -> None:
    assert isinstance(scorer, Scorer)
