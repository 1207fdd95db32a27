"""Losses of codes, on codes whose distance is known."""

from __future__ import annotations

import pytest
import torch

from higan_cam.losses.codes import code, code_sum, delta, prior
from tests.losses.networks import SmallSpread, small_spread
from tests.support.reference2 import draw

ROWS = 4


def test_mean_code_has_no_distance_and_typical_codes_have_one() -> None:
    spread = small_spread()
    typical = spread.mean + spread.deviation * draw("codes", (4000, ROWS, 5)).double()
    assert prior(spread.mean.expand(1, ROWS, 5), spread).tolist() == [0]
    assert prior(typical, spread).mean().item() == pytest.approx(1, abs=0.02)


def test_coordinates_that_never_vary_do_not_count() -> None:
    spread = small_spread()
    away = spread.mean.expand(1, ROWS, 5) + torch.tensor([0, 0, 0, 0, 100.0])
    assert prior(away, spread).tolist() == [0]
    assert delta(away * torch.arange(ROWS)[:, None].clamp(max=0) + away, spread).tolist() == [0]


def test_rows_that_are_one_code_are_not_apart_even_truncated() -> None:
    w, flat = draw("one", (3, 5)).double(), small_spread()
    psi = torch.tensor([0.7, 0.7, 1, 1]).double()[:, None]
    truncated = SmallSpread(0.1 + psi * (flat.mean - 0.1), psi * flat.deviation)
    assert delta(0.1 + psi * (w[:, None] - 0.1), truncated).tolist() == pytest.approx([0, 0, 0], abs=1e-24)
    assert prior(0.1 + psi * (w[:, None] - 0.1), truncated).tolist() == pytest.approx(
        prior(w[:, None].expand(3, ROWS, 5), flat).tolist()
    )


def test_delta_is_the_variance_of_the_rows() -> None:
    spread = SmallSpread(torch.zeros(5), torch.ones(5))
    codes = draw("rows", (3, ROWS, 5))
    torch.testing.assert_close(delta(codes, spread), codes.var(dim=1, correction=0).mean(dim=1))


def test_distance_from_a_start_as_mean_and_as_sum() -> None:
    start = draw("start", (2, ROWS, 5))
    assert code(start + 2, start).tolist() == pytest.approx([4, 4])
    assert code_sum(start + 2, start).tolist() == pytest.approx([80, 80])
