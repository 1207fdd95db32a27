from __future__ import annotations

from higan_cam.worlds.words import words_of


def test_words_are_lower_case_and_without_punctuation() -> None:
    assert words_of("A red blanket, two LAMPS; é_1!") == ["a", "red", "blanket", "two", "lamps", "é", "1"]
    assert words_of(" ,;") == []
