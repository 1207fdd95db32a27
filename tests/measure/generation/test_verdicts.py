"""Verdicts: what the discriminator's answers say, numbers, and intervals that scipy.stats agrees with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest, poisson
from sklearn.metrics import roc_auc_score

from higan_cam.measure.generation.verdicts import (
    CLEAN,
    NOT_MEASURED,
    all_numbers,
    count_interval,
    has_won,
    overfit,
    ranked_rightly,
    share_interval,
)
from higan_cam.types import FloatArray


def logits(middle: float, count: int = 200, seed: int = 0) -> FloatArray:
    return np.random.default_rng([seed, round(middle * 100) + 1000]).normal(middle, 1, count)


@pytest.mark.parametrize(("found", "of"), [(0, 10), (3, 50), (50, 50)])
def test_shares_have_the_interval_of_clopper_and_pearson(found: int, of: int) -> None:
    known = binomtest(found, of).proportion_ci()
    ours = share_interval(found, of)
    assert (ours.low, ours.high) == pytest.approx((known.low, known.high), abs=1e-9)


@pytest.mark.parametrize("found", [0, 7])
def test_a_count_is_as_unlikely_at_either_end_of_its_interval(found: int) -> None:
    ours = count_interval(found)
    assert poisson.cdf(found, ours.high) == pytest.approx(0.025)
    assert found == 0 or poisson.sf(found - 1, ours.low) == pytest.approx(0.025)


def test_pairs_ranked_rightly_are_the_area_under_the_roc() -> None:
    low, high = np.round(logits(0), 1), np.round(logits(1), 1)  # with ties
    truth = np.repeat([0, 1], [len(low), len(high)])
    assert ranked_rightly(low, high) == pytest.approx(roc_auc_score(truth, np.concatenate([low, high])))


def test_a_discriminator_that_takes_held_out_pictures_as_its_own_is_clean() -> None:
    found = overfit(logits(1, seed=1), logits(1, seed=2), logits(-1))
    assert found.value == CLEAN
    assert found.interval is not None
    assert found.interval.low < found.figure < found.interval.high


def test_one_that_takes_held_out_pictures_for_samples_knows_its_own_by_heart() -> None:
    found = overfit(logits(1), logits(-1, seed=3), logits(-1))
    assert found.value == "by heart"
    assert found.figure == pytest.approx(1, abs=0.1)


def test_without_held_out_pictures_nothing_is_said_of_remembering() -> None:
    found = overfit(logits(1), np.zeros(0), logits(-1))
    assert (found.value, found.fault) == (NOT_MEASURED, False)
    assert "held out" in found.words


def test_a_lead_that_is_none_is_not_divided_by() -> None:
    assert overfit(logits(0), logits(0), logits(1)).value == NOT_MEASURED


def test_a_discriminator_has_won_where_it_is_sure_of_every_picture() -> None:
    assert has_won(logits(5), logits(-5)).value == "has won"
    assert has_won(logits(0.5), logits(-0.5)).value == CLEAN
    assert has_won(logits(5), logits(-5), paired=True).value == NOT_MEASURED
    assert has_won(logits(5)[:3], logits(-5)).value == NOT_MEASURED
    assert has_won(logits(5) * np.nan, logits(-5)).value == NOT_MEASURED


def test_what_is_no_number_is_named() -> None:
    found = all_numbers({"fine": np.ones(3), "block.weight": np.array([1.0, np.nan, np.inf])})
    assert (found.value, found.figure) == ("not a number", 2)
    assert "block.weight" in found.words
    assert all_numbers({"fine": np.ones(3)}).value == CLEAN
    assert all_numbers({}).value == NOT_MEASURED


def test_a_verdict_becomes_json_without_nan() -> None:
    json.dumps(overfit(logits(1), np.zeros(0), logits(-1)).to_json(), allow_nan=False)
    json.dumps(has_won(logits(5), logits(-5)).to_json(), allow_nan=False)
