"""What held-out labels say of a filter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.label.labelled.evidence import HeldOut, expected_above, expected_below, wilson


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_solves_its_equation(counts: tuple[int, int]) -> None:
    found = wilson(*counts)
    assert 0 <= found.low <= found.value <= found.high <= 1
    for end in (found.low, found.high):  # (share - end)^2 = z^2 end (1 - end) / n, where the end is inside
        if 1e-9 < end < 1 - 1e-9:
            assert (found.value - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / counts[1], rel=1e-4)


def test_wilsons_interval_is_the_known_one() -> None:
    found = wilson(81, 263)  # Newcombe 1998, table I
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    assert math.isnan(wilson(0, 0).value)
    with pytest.raises(ValueError, match="2 of 1"):
        wilson(2, 1)


def test_a_filter_is_told_by_what_passes_it() -> None:
    held_out = HeldOut(np.array([0.1, 0.2, 0.8, 0.9, 0.95]), np.array([False, True, False, True, True]))
    above, below = expected_above(held_out, 0.9), expected_below(held_out, 0.2)
    assert (above.precision.value, above.passing, above.held_out) == (1.0, 2, 5)
    assert (below.precision.value, below.passing) == (0.5, 2)
    assert above.words == "precision 100.0% [34.2, 100.0], from 2 of 5 held-out labels"
    assert "none of the 5" in expected_above(held_out, 0.99).words
