"""Filters say which samples they hold for, run nothing, and explain what they cannot read."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from higan_cam.errors import ConfigError
from higan_cam.publish.curation.filter import MAX_LENGTH, matching

COLUMNS = {
    "index": np.arange(5),
    "retention": np.array([0.1, 0.5, 0.9, math.nan, 1.2]),
    "necessity": np.array([0.2, 0.2, 0.9, 0.1, 0.0]),
    "status": np.array(["ok", "ok", "empty", "ok", "ok"]),
}


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("retention > 0.5", [2, 4]),
        ("retention >= 0.5 and status == 'ok'", [1, 4]),
        ('status != "ok" or index == 0', [0, 2]),
        ("0.1 < retention < 1", [1, 2]),
        ("not retention > 0.5", [0, 1, 3]),
        ("retention != 7", [0, 1, 2, 4]),
        ("retention - necessity > -2 * -0.2", [4]),
        ("retention / (index - 2) > 1", [2]),
        ("1 < 2", [0, 1, 2, 3, 4]),
        ("necessity > retention", [0]),
        ("(index < 1 or index > 3) and not (retention < 1)", [4]),
    ],
)
def test_an_expression_holds_for_these_rows(expression: str, rows: list[int]) -> None:
    assert np.flatnonzero(matching(expression, COLUMNS)).tolist() == rows


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("retenton > 0.5", "Did you mean 'retention'?"),
        ("retention", "expected a comparison"),
        ("", "expected something like 'retention > 0.5'"),
        ("retention >", "cannot read 'retention >'"),
        ("retention > 'a'", "compares text with a number; found \"retention > 'a'\""),
        ("status + 1 > 0", "text has no arithmetic; found 'status'"),
        ("index in (1, 2)", "only columns"),
        ("index is 2", "comparisons are"),
        ("index ** 9 > 1", "only columns"),
        ("__import__('os').system('x') == 0", "only columns"),
        ("index.__class__ == 0", "only columns"),
        ("(lambda: 1)() > 0", "only columns"),
        ("True == 1", "only columns"),
        ("1" + "0" * 400 + " > index", "too large a number"),
        ("(" * 240 + "1" + ")" * 240 + " > 0", "--where"),
        ("a" * (MAX_LENGTH + 1), f"at most {MAX_LENGTH} characters"),
        ("index > 0\0", "cannot read"),
    ],
)
def test_what_is_not_understood_is_explained(expression: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        matching(expression, COLUMNS)
    assert said in str(caught.value)
    assert str(caught.value).startswith("--where")


@given(st.text(max_size=60))
@example("not " * 120 + "index > 0")
@example("-" * 490 + "index > 0")
def test_any_text_gives_rows_or_an_explanation(expression: str) -> None:
    try:
        rows = matching(expression, COLUMNS)
    except ConfigError:
        return
    assert rows.shape == (5,)
    assert rows.dtype == np.bool_
