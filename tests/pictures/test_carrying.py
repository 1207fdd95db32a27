"""Maps, masks and places of the square lie where they belong in the photo, at its own size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.pictures import Fit, box_shares, fit_square, shares, to_picture
from higan_cam.pictures.fitting import FITS, Affine

SIZES = st.tuples(st.integers(1, 200), st.integers(1, 200))


def affine_of(size: tuple[int, int], side: int, fit: Fit) -> Affine:
    """How a photo of this size becomes a square."""
    return fit_square(np.zeros((*size, 3), np.uint8), side, fit)[1]


@given(SIZES, st.integers(2, 64), st.integers(2, 64), st.sampled_from(FITS))
def test_a_map_that_is_linear_in_place_stays_so(size: tuple[int, int], side: int, resolution: int, fit: Fit) -> None:
    affine = affine_of(size, side, fit)
    centres = (np.arange(resolution) + 0.5) * side / resolution - 0.5
    values = (centres[:, None] * 2 + centres[None, :]).astype(np.float32)
    found = to_picture(values, affine)
    assert found.shape == size
    assert found.dtype == np.float32
    places = affine.to_square(np.moveaxis(np.mgrid[: size[0], : size[1]], 0, -1))
    # Between the outermost centres, and where a pixel of the photo lies within the square as a whole.
    wide = max(side / resolution, 1 / affine.scale) / 2
    inside = ((places >= wide - 0.5) & (places <= side - 0.5 - wide)).all(-1)
    # A mean over an area that cuts a pixel of the map in two has its centre a fraction of that pixel aside.
    aside = 0.2 * 3 * side / resolution if resolution > side * affine.scale else 0
    np.testing.assert_allclose(found[inside], (places @ [2, 1])[inside], atol=1e-3 * side + aside, rtol=1e-4)


@given(SIZES, st.integers(1, 64), st.integers(1, 64))
def test_a_constant_map_fills_the_crop_and_nothing_else(size: tuple[int, int], side: int, resolution: int) -> None:
    found = to_picture(np.ones((resolution, resolution), np.float32), affine_of(size, side, "crop"))
    short = min(size)
    top, left = (size[0] - short) // 2, (size[1] - short) // 2
    expected = np.zeros(size)
    expected[top : top + short, left : left + short] = 1
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(SIZES, st.integers(1, 64))
def test_a_constant_map_fills_a_photo_that_was_padded(size: tuple[int, int], side: int) -> None:
    np.testing.assert_allclose(to_picture(np.ones((side, side)), affine_of(size, side, "pad")), 1, atol=1e-5)


def test_a_finer_map_is_averaged() -> None:
    checks = np.indices((64, 64)).sum(0) % 2
    found = to_picture(checks.astype(np.float32), affine_of((16, 16), 64, "crop"))
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.bool_])
def test_a_mask_comes_back_as_one_with_its_edges_in_place(kind: type) -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[16:32, 8:24] = 255
    found: Any = to_picture(mask.astype(kind), affine_of((128, 256), 64, "crop"))
    expected = np.zeros((128, 256), np.uint8)
    expected[32:64, 64 + 16 : 64 + 48] = 255
    np.testing.assert_array_equal(found, expected.astype(kind))


@given(SIZES, st.sampled_from(FITS), st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_spot_in_the_photo_is_found_there_again(size: tuple[int, int], fit: Fit, share: tuple[float, float]) -> None:
    """A point of the photo, drawn into the square, has its peak in the photo within half a pixel of the coarser one."""
    affine = affine_of(size, 64, fit)
    place = np.array(share) * (np.array(size) - 1)
    in_square = affine.to_square(place)
    if not ((in_square >= 1) & (in_square <= 62)).all():
        return  # beyond the outermost centres a map is as at them, so that a spot there is wide
    spot = np.zeros((64, 64), np.float32)
    spot[tuple(np.rint(in_square).astype(int))] = 1
    peaks = np.argwhere((carried := to_picture(spot, affine)) >= carried.max() - 1e-6)
    assert np.abs(peaks - place).max(-1).min() <= max(affine.scale, 1) / 2 + 0.5 + 1e-6


def test_a_picture_of_the_square_comes_back_as_one() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_picture(image, affine_of((32, 32), 32, "crop")), image)
    assert to_picture(image, affine_of((50, 40), 32, "pad")).shape == (50, 40, 3)


@given(SIZES, st.integers(1, 64))
def test_shares_of_the_whole_square_are_the_whole_padded_photo(size: tuple[int, int], side: int) -> None:
    affine = affine_of(size, side, "pad")
    np.testing.assert_allclose(shares([[-0.5, -0.5], [side - 0.5, side - 0.5]], affine), [[0, 0], [1, 1]], atol=1e-9)
    np.testing.assert_allclose(box_shares([0, 0, side, side], affine), [0, 0, 1, 1], atol=1e-9)


def test_shares_do_not_depend_on_the_photo_s_size() -> None:
    for factor in (1, 3, 10):
        affine = affine_of((40 * factor, 80 * factor), 20, "crop")
        np.testing.assert_allclose(shares((9.5, 9.5), affine), (0.5, 0.5), atol=1e-9)
        np.testing.assert_allclose(box_shares((0, 10, 10, 5), affine), (0.25, 0.5, 0.25, 0.25), atol=1e-9)


def test_other_values_are_refused() -> None:
    with pytest.raises(ValueError, match="floating, boolean or uint8"):
        to_picture(np.zeros((4, 4), np.int32), affine_of((4, 4), 4, "crop"))
