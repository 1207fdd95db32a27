"""What is said of a change of light."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.relight import Dial
from higan_cam.relight.words import change_words, lamp_names
from higan_cam.types import Place

OFF, ON = Dial(0.0), Dial(1.0)


def at(x: float, y: float = 0.5) -> Place:
    return Place(0, x, y, x, y, 0.1, 0.1)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (OFF, ON, "switch on the lamp on the left"),
        (OFF, Dial(0.5), "switch on the lamp on the left, dimly"),
        (OFF, Dial(2.0, 2500.0), "switch on the lamp on the left, brightly, with warm light"),
        (OFF, Dial(1.0, 6500.0), "switch on the lamp on the left, with cool light"),
        (ON, OFF, "switch off the lamp on the left"),
        (ON, Dial(0.4), "dim the lamp on the left"),
        (ON, Dial(1.5), "brighten the lamp on the left"),
        (ON, Dial(1.0, 2700.0), "make the lamp on the left warmer"),
        (Dial(1.0, 2700.0), Dial(1.0, 6500.0), "make the lamp on the left cooler"),
        (ON, Dial(0.4, 2700.0), "dim the lamp on the left and make it warmer"),
        (ON, Dial(1.0, 4100.0), ""),
        (OFF, OFF, ""),
        (ON, ON, ""),
    ],
)
def test_changes_have_words_and_what_is_not_seen_has_none(before: Dial, after: Dial, words: str) -> None:
    assert change_words(before, after, 4000.0, "the lamp on the left") == words


@pytest.mark.parametrize(("x", "side"), [(0.0, "on the left"), (0.5, "in the middle"), (1.0, "on the right")])
def test_a_lamp_is_called_by_its_side(x: float, side: str) -> None:
    assert lamp_names([at(x)]) == [f"the lamp {side}"]


def test_two_on_one_side_are_told_apart_by_height_or_else_counted() -> None:
    other = at(0.9)
    assert lamp_names([at(0.1, 0.8), other, at(0.3, 0.2)]) == [
        "the lower lamp on the left",
        "the lamp on the right",
        "the upper lamp on the left",
    ]
    assert lamp_names([other, at(0.3, 0.5), at(0.1, 0.6)]) == [
        "the lamp on the right",
        "the second lamp from the left",
        "the first lamp from the left",
    ]
    three = lamp_names([at(0.1, 0.1), at(0.2, 0.5), at(0.3, 0.9)])
    assert three == [f"the {number} lamp from the left" for number in ("first", "second", "third")]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=12))
def test_no_two_lamps_of_a_picture_have_one_name(places: list[tuple[float, float]]) -> None:
    names = lamp_names([at(*place) for place in places])
    assert len(set(names)) == len(places)
