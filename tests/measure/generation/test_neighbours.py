"""Who lies near whom, on sets laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.errors import DataError
from higan_cam.measure.generation.neighbours import neighbourhoods
from higan_cam.types import FloatArray


def line(*places: float) -> FloatArray:
    """(N,1) points on a line."""
    return np.array(places)[:, None]


def test_a_collapsed_generator_is_precise_and_recalls_nothing() -> None:
    draw = np.random.Generator(np.random.Philox(1))
    reals = draw.standard_normal((200, 2))
    found = neighbourhoods(reals, np.full((200, 2), 0.01) + 1e-6 * draw.standard_normal((200, 2)), 0)
    assert found["precision"].value == 1
    assert found["recall"].value <= 0.02
    assert found["coverage"].value <= 0.1


def test_a_generator_that_strays_recalls_all_and_is_not_precise() -> None:
    draw = np.random.Generator(np.random.Philox(2))
    found = neighbourhoods(draw.standard_normal((200, 2)), 20 * draw.standard_normal((200, 2)), 0)
    assert found["precision"].value < 0.1
    assert found["recall"].value > 0.9


def test_figures_are_those_counted_by_hand() -> None:
    # Reach to the second other: of reals 0, 1, 2, 10 it is 2, 1, 2, 9; of samples 0.5, 1.5, 30 it is 29.5, 28.5, 29.5.
    found = neighbourhoods(line(0, 1, 2, 10), line(0.5, 1.5, 30), 0, neighbours=2)
    assert found["precision"].value == pytest.approx(2 / 3)
    assert found["density"].value == pytest.approx((3 + 4 + 0) / 2 / 3)
    assert found["recall"].value == 1
    assert found["coverage"].value == 1


def test_intervals_hold_their_figure() -> None:
    draw = np.random.Generator(np.random.Philox(3))
    found = neighbourhoods(draw.standard_normal((100, 3)), draw.standard_normal((100, 3)) + 0.5, 0)
    assert set(found) == {"precision", "density", "recall", "coverage"}
    assert all(each.low < each.value < each.high for each in found.values())


def test_too_few_rows_are_said() -> None:
    with pytest.raises(DataError, match="3 reals and 9 samples; more than 5"):
        neighbourhoods(np.zeros((3, 2)), np.zeros((9, 2)), 0)
