from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.train.draws import rows_shown, stream


@given(count=st.integers(1, 30), seed=st.integers(0, 2**64 - 1), kind=st.integers(0, 20), turn=st.integers(0, 9))
def test_each_example_is_shown_once_before_any_is_shown_twice(count: int, seed: int, kind: int, turn: int) -> None:
    rows = rows_shown(range(turn * count, (turn + 1) * count), count, seed, kind)
    assert sorted(rows) == list(range(count))


@given(st.lists(st.integers(0, 500), max_size=20))
def test_what_is_shown_at_a_place_depends_on_no_other_place(places: list[int]) -> None:
    rows = rows_shown(places, 7, 5)
    assert rows.tolist() == [int(rows_shown([place], 7, 5)[0]) for place in places]


def test_turns_seeds_and_kinds_have_orders_of_their_own() -> None:
    orders = [rows_shown(range(turn * 50, turn * 50 + 50), 50, seed, kind) for turn, seed, kind in np.ndindex(2, 2, 2)]
    assert len({order.tobytes() for order in orders}) == 8


def test_a_stream_is_philox_of_seed_and_number() -> None:
    drawn = stream(3, 2**40).random(4)
    assert np.array_equal(drawn, np.random.Generator(np.random.Philox(key=(3, 2**40))).random(4))
