"""What cannot be read is known before anything depends on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from higan_cam.pictures import list_pictures, open_pictures, unreadable_rows
from tests.support.pictures import pixels, saved


def test_every_picture_is_looked_at_once_and_in_order(folder_of: Callable[[dict[str, bytes]], Path]) -> None:
    good = saved(pixels(0), "JPEG")
    files = {f"{number:03d}.jpg": good if number % 50 else b"text" for number in range(150)}
    folder = folder_of(files | {"120.jpg": good[:200], "130.png": b""})
    found = [(row.key, reason) for row, reason in unreadable_rows(open_pictures(folder), list_pictures(str(folder)))]
    assert found == [
        ("000.jpg", "not a picture"),
        ("050.jpg", "not a picture"),
        ("100.jpg", "not a picture"),
        ("120.jpg", "breaks off: a part of the picture is missing"),
        ("130.png", "empty"),
    ]
