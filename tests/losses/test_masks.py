"""Losses of masks, on predictions whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.losses.masks import bce, dice, focal

SURE = 40.0
"""A logit whose sigmoid is 0 or 1."""


def mask(share: float, side: int = 8) -> torch.Tensor:
    """(1,1,side,side) whose upper part is 1."""
    return (torch.arange(side) < share * side).float()[:, None].expand(1, 1, side, side)


@pytest.mark.parametrize("measure", [bce, dice, focal])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_sure_and_right_prediction_costs_nothing(measure: object, share: float) -> None:
    assert callable(measure)
    target = mask(share)
    assert measure(SURE * (2 * target - 1), target).item() == pytest.approx(0, abs=1e-6)


@given(st.floats(-5, 5))
def test_cross_entropy_and_focal_of_a_known_probability(logit: float) -> None:
    p = 1 / (1 + math.exp(-logit))
    logits, ones = torch.full((2, 1, 3, 3), logit), torch.ones(2, 1, 3, 3)
    assert bce(logits, ones).tolist() == pytest.approx([-math.log(p)] * 2, rel=1e-5)
    assert focal(logits, ones).tolist() == pytest.approx([0.25 * (1 - p) ** 2 * -math.log(p)] * 2, rel=1e-4)


def test_cross_entropy_is_least_at_a_soft_target() -> None:
    target = torch.full((1, 1, 2, 2), 0.3)
    there = math.log(0.3 / 0.7)
    assert bce(torch.full_like(target, there), target) < bce(torch.full_like(target, there + 0.1), target)
    assert bce(torch.full_like(target, there), target) < bce(torch.full_like(target, there - 0.1), target)


def test_dice_of_masks_that_do_not_meet_is_nearly_1() -> None:
    target = mask(0.5, 32)
    assert dice(SURE * (1 - 2 * target), target).item() == pytest.approx(1, abs=1e-3)


def test_dice_of_half_an_overlap() -> None:
    found = dice(SURE * (2 * mask(0.25, 64) - 1), mask(0.5, 64)).item()
    assert found == pytest.approx(1 - 2 / 3, abs=1e-3)
