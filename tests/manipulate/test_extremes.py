"""Streaming top-k against sorting everything."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import DataError
from higan_cam.manipulate.extremes import Extremes, check_extremes, merge, select_extremes

few_values = st.sampled_from([0.0, -0.0, 0.5, 1.0, 1.5, float("nan"), float("inf")])
streams = st.lists(st.one_of(few_values, st.floats(-3, 3, width=32)), max_size=40)


def content(e: Extremes) -> tuple[object, ...]:
    tails = [e.highest.scores, e.highest.indices, e.lowest.scores, e.lowest.indices]
    return (e.k, e.seen, e.nans, e.first_nan, *(tuple(tail.tolist()) for tail in tails))


@given(streams, st.integers(1, 6), st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_partition_merged_in_any_order_equals_sorting_everything(scores, k, parts, random) -> None:  # type: ignore[no-untyped-def]
    numbers = list(range(len(scores)))
    random.shuffle(numbers)
    pieces = [select_extremes([scores[i] for i in numbers[p::parts]], numbers[p::parts], k) for p in range(parts)]
    while len(pieces) > 1:
        a = pieces.pop(random.randrange(len(pieces)))
        b = pieces.pop(random.randrange(len(pieces)))
        pieces.append(merge(a, b))
    ranked = sorted((score, i) for i, score in enumerate(scores) if not np.isnan(score))
    merged = pieces[0]
    assert list(zip(*(merged.lowest.scores, merged.lowest.indices), strict=True)) == ranked[:k]
    assert list(zip(*(merged.highest.scores, merged.highest.indices), strict=True)) == ranked[::-1][:k]
    assert content(merged) == content(select_extremes(scores, range(len(scores)), k))
    assert merged.seen == len(scores)
    assert merged.nans == len(scores) - len(ranked)


@given(st.lists(streams, min_size=3, max_size=3), st.integers(1, 4))
def test_merge_is_associative_and_commutative_with_an_identity(parts, k) -> None:  # type: ignore[no-untyped-def]
    starts = np.cumsum([0] + [len(part) for part in parts])
    a, b, c = (select_extremes(part, np.arange(len(part)) + s, k) for part, s in zip(parts, starts, strict=False))
    assert content(merge(merge(a, b), c)) == content(merge(a, merge(b, c)))
    assert content(merge(a, b)) == content(merge(b, a))
    assert content(merge(a, select_extremes([], [], k))) == content(a)


def test_ties_break_by_index_whatever_the_order_of_arrival() -> None:
    one = select_extremes([1.0, 1.0, 1.0, 1.0], [7, 3, 9, 5], 2)
    assert one.lowest.indices.tolist() == [3, 5]
    assert one.highest.indices.tolist() == [9, 7]


def test_memory_is_bounded_by_k() -> None:
    parts = (select_extremes(np.arange(s, s + 1000.0), np.arange(s, s + 1000), 3) for s in range(0, 20_000, 1000))
    total = reduce(merge, parts)
    assert len(total.highest) == len(total.lowest) == 3
    assert total.highest.scores.base is None
    assert (total.seen, total.minimum, total.maximum) == (20_000, 0.0, 19_999.0)


@pytest.mark.parametrize(
    ("scores", "k", "message"),
    [
        ([0.1, 0.2, 0.3], 2, "3 labelled samples, but two tails of 2 need 4"),
        ([], 2, "0 labelled samples"),
        ([0.5] * 6, 2, "all 6 are 0.5"),
        ([0.1, 0.2, float("nan"), 0.4, float("nan")], 2, r"2 of 5 are NaN \(the first is sample 2\)"),
        ([float("nan")] * 3, 2, "3 of 3 are NaN"),
        ([0.1, 0.2, 0.3, float("inf")], 2, "infinite"),
        ([0.0, 1.0, 1.0, 1.0, 2.0, 2.5], 3, "both contain the score 1"),
    ],
)
def test_what_cannot_be_two_classes_is_refused_with_what_was_found(scores: list[float], k: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_extremes(select_extremes(scores, range(len(scores)), k))


def test_samples_without_a_label_are_in_neither_tail_where_the_scorer_may_lack_them() -> None:
    nan = float("nan")
    check_extremes(select_extremes([0.1, nan, 0.3, 0.4, 0.5], range(5), 2), "property 'mouth' (faces)")
    with pytest.raises(DataError, match=r"property 'mouth' \(faces\) has none for any of 3 samples"):
        check_extremes(select_extremes([nan] * 3, range(3), 1), "property 'mouth' (faces)")
    with pytest.raises(DataError, match="3 labelled samples, but two tails of 2 need 4"):
        check_extremes(select_extremes([0.1, nan, 0.3, 0.4], range(4), 2), "property 'mouth' (faces)")


def test_a_part_merged_twice_is_noticed() -> None:
    part = select_extremes([0.1, 0.2, 0.3, 0.4], [0, 1, 2, 3], 2)
    with pytest.raises(DataError, match="came twice"):
        check_extremes(merge(part, part))


def test_two_separate_tails_pass() -> None:
    check_extremes(select_extremes([0.1, 0.2, 0.2, 0.3], range(4), 1))


def test_misuse_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="k must be"):
        select_extremes([1.0], [0], 0)
    with pytest.raises(ValueError, match="scores and indices"):
        select_extremes([1.0, 2.0], [0], 1)
    with pytest.raises(ValueError, match="cannot be merged"):
        merge(select_extremes([], [], 1), select_extremes([], [], 2))
