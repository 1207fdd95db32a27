"""Rescoring on scores that are known; HiGAN's own numbers are in tests/parity."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import DataError
from higan_cam.manipulate.rescore import Relevance, entanglement, layer_scores, relevance, rescore


def test_a_linear_score_rises_by_its_own_weight_in_each_layer() -> None:
    weights = torch.tensor([3.0, 0.0, -1.0])  # of each row's first coordinate
    codes = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    direction = torch.zeros(3, 4)
    direction[:, 0] = 1
    found = rescore(lambda w: (w[..., 0] * weights).sum(1), codes, direction)
    np.testing.assert_allclose(found.layers, [6, 0, 0], atol=1e-5)  # falls count as 0
    assert found.overall == pytest.approx(4, abs=1e-5)
    assert found.carriers() == (0,)


def test_rows_that_the_edit_leaves_alone_cost_no_forward_pass() -> None:
    calls = 0

    def score(w: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return w.sum((1, 2))

    direction = torch.zeros(6, 2)
    direction[2:4] = 1
    found = rescore(score, torch.zeros(1, 6, 2), direction)
    assert calls == 4
    np.testing.assert_array_equal(found.layers, [0, 0, 4, 4, 0, 0])


def test_only_samples_that_rise_count() -> None:
    assert relevance(np.array([[1.0, 3.0], [1.0, 0.0]])).overall == 1.0


def test_nothing_carries_a_score_that_never_rises() -> None:
    assert Relevance(0.0, np.zeros(4), np.zeros((1, 6))).carriers() == ()


@given(st.lists(st.floats(0, 10, allow_subnormal=False), min_size=1, max_size=18), st.floats(0.05, 1))
def test_carriers_reach_the_share_and_one_fewer_does_not(rises: list[float], share: float) -> None:
    layers = np.array(rises)
    carriers = list(Relevance(0.0, layers, np.zeros((1, 1))).carriers(share))
    if layers.sum() == 0:
        assert carriers == []
        return
    assert layers[carriers].sum() >= share * layers.sum() * (1 - 1e-5)
    assert layers[carriers].sum() - layers[carriers].min() < share * layers.sum()


def test_several_scorers_are_asked_about_the_same_images() -> None:
    codes = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(1))
    direction = torch.ones(3, 2)

    def scores(w: torch.Tensor) -> torch.Tensor:
        return torch.stack([w.sum((1, 2)), -w[:, 0, 0]], dim=1)

    def one_score(w: torch.Tensor, column: int) -> torch.Tensor:
        return scores(w)[:, column]

    both = layer_scores(scores, codes, direction)
    assert both.shape == (4, 5, 2)
    for column in (0, 1):
        alone = layer_scores(partial(one_score, column=column), codes, direction)
        np.testing.assert_array_equal(both[..., column], alone)


def test_entanglement_is_the_change_in_standard_deviations_with_its_sign() -> None:
    original = np.array([[0.0, 5.0, 1.0], [2.0, 5.0, 3.0]])  # (N=2, S=3); deviations 1, 0, 1
    moved = original + np.array([3.0, 1.0, -2.0])
    scores = np.stack([original, moved], axis=1)[None]
    np.testing.assert_allclose(entanglement(scores), [[3.0, 0.0, -2.0]])


def test_samples_without_a_score_are_left_out_and_an_error_where_none_is_left() -> None:
    scores = np.array([[1.0, 3.0, 2.0], [1.0, np.nan, 9.0], [1.0, 2.0, np.inf], [1.0, 2.0, 1.0]])
    found = relevance(scores)
    assert (found.overall, found.layers.tolist(), len(found.scores)) == (1.5, [0.5], 2)
    with pytest.raises(DataError, match="each of 2 rescored samples has a NaN or infinite one"):
        relevance(scores[1:3])
