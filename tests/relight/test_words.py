"""What is said of a change of light."""

from __future__ import annotations

import pytest

from higan_cam.relight import Dial
from higan_cam.relight.words import change_words, lamp_words
from higan_cam.types import Place

OFF, ON = Dial(0.0), Dial(1.0)


def at(x: float) -> Place:
    return Place(0, x, 0.5, x, 0.5, 0.1, 0.1)


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
    assert change_words(before, after, 4000.0, at(0.2)) == words


@pytest.mark.parametrize(("x", "side"), [(0.0, "on the left"), (0.5, "in the middle"), (1.0, "on the right")])
def test_a_lamp_is_called_by_its_side(x: float, side: str) -> None:
    assert lamp_words(at(x)) == f"the lamp {side}"
