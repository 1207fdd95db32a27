"""The split keeps what is fitted, what chooses and what measures apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.manipulate.fitting import MIN_SELECTION, LabelledCodes, split


def numbered(start: int, count: int, score: float) -> LabelledCodes:
    """Codes that carry their own number, so that a split can be followed."""
    rows = np.arange(start, start + count, dtype=np.float64)
    return LabelledCodes(rows[:, None], score + 0.001 * rows)


@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 80), st.floats(0.01, 0.99), st.integers(0, 2**63 - 1))
def test_every_sample_has_one_role(high: int, low: int, rest: int, fraction: float, seed: int) -> None:
    data = split(numbered(0, high, 3), numbered(100, low, 0), numbered(200, rest, 1), fraction, seed)
    parts = [data.train, data.validation, data.report]
    if data.selected_on == "outside the tails":
        parts.append(data.selection)
    everyone = np.sort(np.concatenate([part.codes[:, 0] for part in parts]))
    assert everyone.tolist() == [*range(high), *range(100, 100 + low), *range(200, 200 + rest)]
    assert ((data.train.codes[:, 0] < 100) == (data.train_sides > 0)).all()
    assert ((data.validation.codes[:, 0] < 100) == (data.validation_sides > 0)).all()
    assert set(data.train_sides) == set(data.validation_sides) == {1.0, -1.0}


def test_seventy_thirty_of_each_tail() -> None:
    data = split(numbered(0, 200, 3), numbered(200, 100, 0), numbered(300, 0, 1), 0.7, 0)
    assert (data.train_sides > 0).sum() == 140
    assert (data.train_sides < 0).sum() == 70


def test_the_seed_decides_the_split() -> None:
    def train_of(seed: int) -> list[float]:
        data = split(numbered(0, 50, 3), numbered(50, 50, 0), numbered(100, 60, 1), 0.7, seed)
        return [*data.train.codes[:, 0].tolist(), *data.selection.codes[:, 0].tolist()]

    assert train_of(1) == train_of(1)
    assert train_of(1) != train_of(2)


def test_too_few_or_equal_scores_outside_the_tails_choose_nothing() -> None:
    few = split(numbered(0, 9, 3), numbered(9, 9, 0), numbered(18, 2 * MIN_SELECTION - 1, 1), 0.7, 0)
    assert few.selected_on == "validation tails"
    assert len(few.report) == 2 * MIN_SELECTION - 1
    equal = LabelledCodes(np.arange(100.0)[:, None], np.ones(100))
    assert split(numbered(0, 9, 3), numbered(9, 9, 0), equal, 0.7, 0).selected_on == "validation tails"
