"""Classes are found by name, and a name that is not there by its neighbours."""

from __future__ import annotations

import pytest

from higan_cam.errors import ConfigError
from higan_cam.label.names import find_name

NAMES = ("church/indoor", "church/outdoor", "bedroom", "far-away_horizon", "crane", "crane")


@pytest.mark.parametrize("text", ["far-away_horizon", "Far away horizon", " far_away-horizon "])
def test_case_and_what_parts_words_do_not_matter(text: str) -> None:
    assert find_name("target", text, NAMES) == 3


@pytest.mark.parametrize(
    ("text", "hint"), [("bedrom", "Did you mean 'bedroom'"), ("church", "'church/indoor', 'church/outdoor'")]
)
def test_an_unknown_name_gets_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=rf"target: unknown name '{text}' among 6\. .*{hint}"):
        find_name("target", text, NAMES)


def test_nothing_near_is_not_guessed_at() -> None:
    with pytest.raises(ConfigError, match=r"unknown name 'qqqqqq' among 6$"):
        find_name("target", "qqqqqq", NAMES)


def test_a_name_of_two_classes_is_asked_for_by_number() -> None:
    with pytest.raises(ConfigError, match=r"'crane' is the name of 2 classes; give one of the numbers \[4, 5\]"):
        find_name("target", "crane", NAMES)
