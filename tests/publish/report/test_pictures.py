"""Pictures and outlines of the report."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from higan_cam.publish.report.pictures import colorbar, display_width, heat_uri, mask_outline, photo_uri
from higan_cam.types import ByteArray


def decoded(uri: str) -> ByteArray:
    """(H,W,3) RGB pixels of a data URI."""
    data = np.frombuffer(base64.b64decode(uri.split(",", 1)[1]), np.uint8)
    return np.asarray(cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB), np.uint8)


def outlined_area(path: str) -> float:
    """Area inside an SVG path of closed polygons; holes run the other way round and count negative."""
    area = 0.0
    for subpath in re.findall(r"M([^Z]*)Z", path):
        x, y = np.array([point.split(" ") for point in subpath.split("L")], dtype=float).T
        area += 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return abs(area)


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_outline_encloses_exactly_the_pixels_of_the_mask(mask: np.ndarray) -> None:
    assert outlined_area(mask_outline(mask.astype(np.uint8) * 255)) == mask.sum()


def test_outline_of_one_pixel_is_its_square() -> None:
    mask = np.zeros((4, 5), np.uint8)
    mask[2, 3] = 255
    points = set(mask_outline(mask).strip("MZ").split("L"))
    assert points == {"3 2", "4 2", "4 3", "3 3"}


def test_empty_mask_has_no_outline() -> None:
    assert mask_outline(np.zeros((8, 8), np.uint8)) == ""


def test_small_photos_are_lossless() -> None:
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decoded(photo_uri(image)), image)


def test_large_photos_are_reduced_and_keep_their_colour() -> None:
    image = np.zeros((512, 1024, 3), np.uint8)
    image[...] = (200, 60, 20)
    shown = decoded(photo_uri(image))
    assert shown.shape == (128, 256, 3)
    assert np.abs(shown.astype(int) - (200, 60, 20)).max() < 8


def test_heat_runs_from_black_to_yellow_on_a_fixed_scale() -> None:
    low, half, high = decoded(heat_uri(np.array([[0.0, 0.5, 1.0]])))[0].astype(int)
    assert low.sum() < 10
    assert low.sum() < half.sum() < high.sum()
    assert high[0] > 200
    assert high[1] > 200


def test_colour_bar_begins_black() -> None:
    assert colorbar(3).startswith("rgb(0, 0, ")
    assert colorbar(3).count("rgb") == 3


@pytest.mark.parametrize(("side", "width"), [(32, 256), (64, 256), (100, 200), (128, 256), (256, 256), (1024, 256)])
def test_pictures_are_shown_at_a_whole_number_zoom(side: int, width: int) -> None:
    assert display_width(np.zeros((side, side, 3), np.uint8)) == width
