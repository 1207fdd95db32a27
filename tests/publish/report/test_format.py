"""Numbers of the report."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.publish.report import format as fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (1.234, "1.23"),
        (-1.5, "−1.50"),
        (0.00123, "0.0012"),
        (123.456, "123.5"),
        (12345.6, "12,346"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_keep_their_meaningful_digits(value: float | None, text: str) -> None:
    assert fmt.format_number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0"), (1.0, "100"), (0.9999, "> 99.9"), (0.972, "97.2"), (0.1, "10"), (0.00042, "0.042")],
)
def test_percentages_never_round_up_to_all(share: float, text: str) -> None:
    assert fmt.format_percent(share) == f"{text}\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.842, "0.84 s"), (12.34, "12.3 s"), (59.97, "1 min 0 s"), (252, "4 min 12 s"), (7500, "2 h 5 min")],
)
def test_durations_use_two_units_at_most(seconds: float, text: str) -> None:
    assert fmt.format_duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(3.0, "+3"), (-1.5, "−1.5"), (0.0, "0"), (-1e-12, "0")])
def test_distances_carry_their_sign(value: float, text: str) -> None:
    assert fmt.format_signed(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1234567"),
        (True, "yes"),
        (None, "–"),
        (0.001, "0.001"),
        ([6, 7], "6, 7"),
        ({"low": 0.5, "high": -1}, "low 0.5, high −1"),
        ("6-11", "6-11"),
    ],
)
def test_any_json_value_has_a_text(value: Any, text: str) -> None:
    assert fmt.format_value(value) == text


@given(st.one_of(st.floats(), st.integers(), st.none(), st.booleans()))
def test_no_value_prints_as_nan_or_infinity(value: float | None) -> None:
    text = fmt.format_value(value)
    assert text
    assert not {"nan", "inf"} & {text.strip("−")}
