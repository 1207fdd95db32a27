"""A strip shows its pictures in order, as they are, with their captions."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.publish.images import decode_image
from higan_cam.publish.sheets.strips import Strip, StripSection, draw_strips
from higan_cam.types import ByteArray

RED, GREEN = (200, 10, 20), (10, 180, 30)


def plain(colour: tuple[int, int, int], side: int = 32) -> ByteArray:
    return np.full((side, side, 3), colour, np.uint8)


def drawn(*strips: Strip) -> ByteArray:
    return decode_image(draw_strips("edit", ["seed 0"], [StripSection("wood", strips)]))


def where(image: ByteArray, colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Leftmost column, topmost row and number of pixels of a colour."""
    rows, columns = np.nonzero((image == colour).all(axis=2))
    return int(columns.min()), int(rows.min()), len(rows)


def test_pictures_stand_in_order_and_small_ones_are_enlarged_by_whole_numbers() -> None:
    image = drawn(Strip("sample 0", [plain(RED), plain(GREEN)], [("-3",), ("+3",)]))
    red, green = where(image, RED), where(image, GREEN)
    assert red[0] < green[0]
    assert red[1] == green[1]
    assert red[2] == green[2] == 128 * 128


def test_large_pictures_are_reduced() -> None:
    assert where(drawn(Strip("s", [plain(RED, 512)], [("",)])), RED)[2] == 256 * 256


def test_the_sheet_grows_with_strips_and_with_lines_of_captions() -> None:
    strip = Strip("s", [plain(RED)], [("-3",)])
    more = Strip("s", [plain(RED)], [("-3", "wood 0.5")])
    one, two, tall = (drawn(*strips).shape[0] for strips in [(strip,), (strip, strip), (more,)])
    assert one < tall < two


def test_captions_are_drawn_below_and_cut_to_their_picture() -> None:
    first, second = (drawn(Strip("s", [plain(RED), plain(GREEN)], [(text,), ("",)])) for text in ("a" * 20, "a" * 900))
    below = slice(where(first, GREEN)[1] + 128, None)
    right = where(first, GREEN)[0]
    assert len(np.unique(first[below, :right])) > 1
    assert np.array_equal(first[below, right:], second[below, right:])


def test_the_same_pictures_give_the_same_bytes() -> None:
    sections = [StripSection("wood", [Strip("s", [plain(RED)], [("x",)])])]
    assert draw_strips("t", [], sections) == draw_strips("t", [], sections)


def test_a_sheet_without_pictures_or_with_captions_of_others_is_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        draw_strips("t", [], [])
    with pytest.raises(ValueError, match="its caption"):
        draw_strips("t", [], [StripSection("a", [Strip("s", [plain(RED)], [])])])
