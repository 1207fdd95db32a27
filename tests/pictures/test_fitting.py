"""The square shows the photo where its map says, to a fraction of a pixel, without aliasing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_sample_images

from higan_cam.pictures import Affine, Fit, fit_square
from higan_cam.pictures.fitting import FITS
from higan_cam.types import ByteArray, FloatArray

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
SIDES = st.integers(1, 160)


def ramp(height: int, width: int) -> tuple[ByteArray, FloatArray]:
    """A picture whose levels are linear in place, and their two slopes (y, x)."""
    slopes = np.array([100 / height, 150 / width])
    y, x = np.mgrid[:height, :width]
    levels = np.rint(y * slopes[0] + x * slopes[1])
    return np.repeat(levels[:, :, None], 3, axis=2).astype(np.uint8), slopes


@given(SIZES, SIDES, st.sampled_from(FITS))
def test_a_pixel_of_the_square_has_the_level_of_its_place_in_the_photo(
    size: tuple[int, int], side: int, fit: Fit
) -> None:
    image, slopes = ramp(*size)
    square, affine = fit_square(image, side, fit)
    assert square.shape == (side, side, 3)
    places = affine.to_photo(np.moveaxis(np.mgrid[:side, :side], 0, -1))
    # Pixels that lie in the photo, and in the crop of it, as a whole: nothing is repeated there.
    first, last = affine.to_photo(np.array([[-0.5, -0.5], [side - 0.5, side - 0.5]]))
    margin = max(affine.scale, 1) / 2 - 1e-9
    low, high = np.maximum(first, -0.5) + margin, np.minimum(last, np.array(size) - 0.5) - margin
    inside = ((places >= low) & (places <= high)).all(-1)
    expected = places @ slopes
    # Levels were rounded before and after, and between them OpenCV counts in 1/2048; a mean over an area that cuts a
    # pixel of the photo in two has its centre a fraction of that pixel aside.
    aside = 0.2 * slopes.sum() if affine.scale > 1 else 0.01 * slopes.max()
    assert (np.abs(square[:, :, 0] - expected)[inside] <= 1.2 + aside).all()


@given(SIZES, SIDES, st.sampled_from(FITS), st.tuples(st.floats(-0.5, 1), st.floats(-0.5, 1)))
def test_places_lead_to_the_photo_and_back(
    size: tuple[int, int], side: int, fit: Fit, share: tuple[float, float]
) -> None:
    _, affine = fit_square(ramp(*size)[0], side, fit)
    place = np.array(share) * side
    np.testing.assert_allclose(affine.to_square(affine.to_photo(place)), place, atol=1e-6)


@given(SIZES, SIDES)
def test_a_crop_covers_the_shorter_side_and_lies_in_the_middle(size: tuple[int, int], side: int) -> None:
    _, affine = fit_square(ramp(*size)[0], side, "crop")
    corners = affine.to_photo(np.array([[-0.5, -0.5], [side - 0.5, side - 0.5]])) + 0.5
    short = min(size)
    np.testing.assert_allclose(corners[1] - corners[0], short)
    for extent, first, last in zip(size, *corners, strict=True):
        assert abs(first - (extent - last)) <= 1 + 1e-9
        assert first >= -1e-9
        assert last <= extent + 1e-9
    assert affine.covered().all()


@given(SIZES, SIDES)
def test_padding_shows_the_whole_photo(size: tuple[int, int], side: int) -> None:
    _, affine = fit_square(ramp(*size)[0], side, "pad")
    corners = affine.to_square(np.array([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]]))
    assert (corners >= -0.5 - 1e-6).all()
    assert (corners <= side - 0.5 + 1e-6).all()
    assert affine.covered().any()


def test_what_is_padded_repeats_the_edge() -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    image[0], image[-1] = 50, 200
    square, affine = fit_square(image, 20, "pad")
    rows = np.flatnonzero(affine.covered()[:, 0])
    assert (rows[0], rows[-1]) == (5, 14)
    assert (square[: rows[0]] == 50).all()
    assert (square[rows[-1] :] == 200).all()


def test_shrinking_averages_and_does_not_alias() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    for fit in FITS:
        assert np.abs(fit_square(stripes, 64, fit)[0].astype(int) - 127.5).max() <= 0.5


@pytest.mark.parametrize("fit", FITS)
def test_a_photograph_keeps_its_mean(fit: Fit) -> None:
    for photograph in load_sample_images().images:
        square, affine = fit_square(photograph, 256, fit)
        corner = np.rint(affine.to_photo(np.array([[-0.5, -0.5], [255.5, 255.5]])) + 0.5).astype(int)
        (top, left), (bottom, right) = np.clip(corner, 0, (427, 640))
        shown = square[affine.covered()].mean(0)
        assert np.abs(shown - photograph[top:bottom, left:right].mean((0, 1))).max() < 1


def test_a_square_of_the_same_size_is_the_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for fit in FITS:
        square, affine = fit_square(image, 32, fit)
        np.testing.assert_array_equal(square, image)
        assert affine == Affine(1.0, 0.0, 0.0, (32, 32), 32)


@pytest.mark.parametrize("shape", [(1, 9000), (9000, 1), (1, 1)])
@pytest.mark.parametrize("fit", FITS)
def test_extreme_shapes_have_a_square(shape: tuple[int, int], fit: Fit) -> None:
    assert fit_square(np.full((*shape, 3), 9, np.uint8), 64, fit)[0].min() == 9


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(H,W,3\) uint8, got \(4, 4\)"):
        fit_square(np.zeros((4, 4), np.uint8), 8)
    with pytest.raises(ValueError, match="a fit of crop, pad, got 8 and 'stretch'"):
        fit_square(np.zeros((4, 4, 3), np.uint8), 8, "stretch")  # type: ignore[arg-type]
