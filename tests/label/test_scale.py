"""Scores of any scale become levels that mean quarters of the labelled pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.label.scale import (
    CalibratedScorer,
    calibrated,
    final_range,
    measure_quartiles,
    needs_quartiles,
    with_quartiles,
)
from higan_cam.types import Boundary

UNBOUNDED = (-torch.inf, torch.inf)


class Plain(nn.Module):
    """The first value of each picture."""

    attribute = "first"

    def __init__(self, score_range: tuple[float, float] = UNBOUNDED) -> None:
        super().__init__()
        self.score_range = score_range

    def score(self, image: Tensor) -> Tensor:
        return image[:, 0, 0, 0]


def pictures(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1).expand(-1, 3, 2, 2)


def on_scale(raw: np.ndarray) -> np.ndarray:
    scorer = CalibratedScorer(Plain(), measure_quartiles(raw))
    return np.asarray(scorer.score(pictures(torch.from_numpy(raw.astype(np.float64)))))


def test_four_equal_levels_are_four_quarters_of_a_skewed_scale() -> None:
    raw = np.random.Generator(np.random.PCG64(0)).exponential(size=4000) ** 2 - 40
    found = on_scale(raw)
    levels = np.floor(found / 0.75)
    assert [int((levels == level).sum()) for level in range(4)] == [1000] * 4
    assert len(set(np.sort(found)[-100:].astype(np.float32).tolist())) == 100


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=8, max_size=40, unique=True))
def test_the_order_stays_and_no_score_leaves_the_scale(values: list[float]) -> None:
    raw = np.array(values)
    try:
        found = on_scale(raw)
    except DataError:
        return
    assert (np.diff(found[np.argsort(raw)]) >= 0).all()
    assert (found >= 0).all()
    assert (found <= 3).all()


def test_quartiles_land_on_the_ends_of_levels() -> None:
    scorer = CalibratedScorer(Plain(), (-2.0, 1.0, 11.0))
    found = scorer.score(pictures(torch.tensor([-2.0, 1.0, 11.0])))
    torch.testing.assert_close(found, torch.tensor([0.75, 1.5, 2.25]))


def test_the_gradient_goes_through_on_both_sides() -> None:
    image = pictures(torch.tensor([-5.0, 0.0, 5.0])).clone().requires_grad_()
    CalibratedScorer(Plain(), (-1.0, 0.0, 2.0)).score(image).sum().backward()
    assert image.grad is not None
    assert (image.grad[:, 0, 0, 0] > 0).all()


@pytest.mark.parametrize(
    ("scale", "bounds", "wanted"),
    [
        (None, UNBOUNDED, True),
        (None, (0.0, 1.0), False),
        ("own", (0.0, 1.0), False),
        ("quartiles", (0.0, 1.0), True),
    ],
)
def test_a_scale_without_bounds_gets_quartiles(scale: str | None, bounds: tuple[float, float], wanted: bool) -> None:
    config = ScorerConfig(scale=scale)
    assert needs_quartiles(config, Plain(bounds)) is wanted
    assert final_range(config, Plain(bounds)) == ((0.0, 3.0) if wanted else bounds)


def test_a_scale_without_bounds_cannot_stay_as_it_is() -> None:
    with pytest.raises(ConfigError, match=r"scorer\.scale: own, but scores of 'first' have no bounds"):
        needs_quartiles(ScorerConfig(scale="own"), Plain())


@pytest.mark.parametrize(
    ("scores", "message"),
    [([1.0, 1.0, 1.0, 2.0, 3.0], "a quarter of the scores are equal"), ([1.0, 2.0, np.nan, 3.0], "3 finite scores")],
)
def test_scores_without_quartiles_are_refused(scores: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        measure_quartiles(np.array(scores))


def test_the_boundary_carries_the_quartiles_of_its_own_run_alone() -> None:
    stale = Boundary(np.ones(1), 0.0, "w", (0,), "first", {"score_quartiles": [7.0, 8.0, 9.0], "C": 1.0})
    scores = np.arange(9.0)
    found = with_quartiles(stale, ScorerConfig(), Plain(), scores)
    assert found.metrics == {"score_quartiles": [2.0, 4.0, 6.0], "C": 1.0}
    assert isinstance(calibrated(Plain(), found.metrics), CalibratedScorer)
    bounded = with_quartiles(stale, ScorerConfig(), Plain((0.0, 1.0)), scores)
    assert bounded.metrics == {"C": 1.0}
    assert isinstance(calibrated(Plain(), bounded.metrics), Plain)
