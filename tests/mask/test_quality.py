"""Retention, necessity and coverage where the answers are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from higan_cam.mask.quality import MIN_CHANGE, MaskQuality, mask_quality, shares_of_change
from tests.support.scorers import WeightedMean

MEAN = WeightedMean(torch.full((3, 1, 1), 1 / 3))
DARK, BRIGHT = -torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8)


@dataclass
class Constant:
    value: float
    attribute: str = "constant"
    score_range: tuple[float, float] = (0.0, 1.0)

    def score(self, image: Tensor) -> Tensor:
        return image.new_full((len(image),), self.value)


def left(columns: int) -> Tensor:
    mask = torch.zeros(1, 8, 8)
    mask[:, :, :columns] = 1
    return mask


def right(columns: int) -> Tensor:
    return left(columns).flip(2)


@pytest.mark.parametrize("columns", [0, 2, 5, 8])
def test_an_additive_score_is_retained_as_far_as_the_mask_covers_the_change(columns: int) -> None:
    quality = mask_quality(MEAN, DARK, BRIGHT, left(columns), right(columns))
    assert (quality.score_negative.item(), quality.score_positive.item()) == pytest.approx((-1, 1))
    assert quality.change.item() == pytest.approx(2)
    for share in (quality.retention, quality.necessity, quality.coverage):
        assert share.item() == pytest.approx(columns / 8, abs=1e-6)


def test_a_mask_that_holds_all_the_change_is_perfect_at_any_size() -> None:
    positive = DARK.clone()
    positive[..., :3] = 1
    quality = mask_quality(MEAN, DARK, positive, left(3), right(3))
    assert (quality.retention.item(), quality.necessity.item()) == pytest.approx((1, 1))


def test_the_same_area_elsewhere_is_worth_what_it_holds_by_chance() -> None:
    positive = DARK.clone()
    positive[..., :3] = 1
    quality = mask_quality(MEAN, DARK, positive, left(3), right(6))  # columns 2 to 7: one of the three that change
    assert (quality.retention_random.item(), quality.necessity_random.item()) == pytest.approx((1 / 3, 1 / 3))
    assert quality.coverage.item() == pytest.approx(3 / 8)


def test_each_mask_of_several_is_measured_by_itself() -> None:
    _, _, shares = shares_of_change(MEAN, DARK, BRIGHT, [left(columns) for columns in (1, 2, 4)])
    assert [retention.item() for retention, _ in shares] == pytest.approx([1 / 8, 2 / 8, 4 / 8])
    assert [necessity.item() for _, necessity in shares] == pytest.approx([1 / 8, 2 / 8, 4 / 8])


def test_a_falling_score_is_measured_by_the_same_ratios() -> None:
    rise, fall = (
        mask_quality(MEAN, DARK, BRIGHT, left(5), right(5)),
        mask_quality(MEAN, BRIGHT, DARK, left(5), right(5)),
    )
    torch.testing.assert_close(fall.retention, rise.retention)
    assert fall.change.item() == pytest.approx(-2)


def test_samples_of_a_batch_are_measured_apart() -> None:
    masks = torch.cat([left(2), left(6)])
    quality = mask_quality(MEAN, DARK.expand(2, -1, -1, -1), BRIGHT.expand(2, -1, -1, -1), masks, masks.flip(0))
    assert quality.retention.tolist() == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("change", [0.0, MIN_CHANGE / 2, -MIN_CHANGE / 2])
def test_without_a_change_both_ratios_are_0(change: float) -> None:
    quality: MaskQuality = mask_quality(MEAN, DARK, DARK + change, left(4), right(4))
    assert (quality.retention.item(), quality.necessity.item()) == (0, 0)
    assert quality.change.item() == pytest.approx(change, abs=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_scorer_that_fails_gives_no_figure(value: float) -> None:
    quality = mask_quality(Constant(value), DARK, BRIGHT, left(4), right(4))
    for figure in (quality.retention, quality.necessity, quality.retention_random, quality.necessity_random):
        assert figure.isnan().all()
    assert quality.coverage.item() == 0.5


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_sample_that_the_scorer_fails_on_leaves_the_others_alone(value: float) -> None:
    mean_of = MEAN.score
    broken = replace(MEAN)
    broken.score = lambda image: mean_of(image).masked_fill(mean_of(image) == 1, value)  # type: ignore[method-assign]
    pairs = [torch.cat(both) for both in ((DARK, DARK), (BRIGHT, BRIGHT / 2))]
    masks = [torch.cat([side(2), side(2)]) for side in (left, right)]
    found, alone = mask_quality(broken, *pairs, *masks), mask_quality(MEAN, *pairs, *masks)
    assert found.retention.isnan().tolist() == [True, False]
    assert (found.retention[1], found.necessity[1]) == (alone.retention[1], alone.necessity[1])
