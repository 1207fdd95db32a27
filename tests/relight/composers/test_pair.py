"""The generator's light in the photo: what pasting the edit gives, as a layer, and the photo itself untouched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from higan_cam.pictures.carrying import to_picture
from higan_cam.pictures.fitting import Affine, fit_square
from higan_cam.pictures.paste import FEATHER, feathered, linear, paste_change
from higan_cam.relight import FILM, SRGB, Dial, Response, relight
from higan_cam.relight.composers import Composed, Spot, load_composer
from higan_cam.types import ByteArray, Place

SIDE = 7
PLACE = Place(0, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5)
ENDS = st_np.arrays(np.uint8, (SIDE, SIDE, 3))
SHAPES = st.tuples(st.integers(3, 15), st.integers(3, 15))


@st.composite
def spots(draw: st.DrawFn) -> Spot:
    """A photo with a mask."""
    shape = draw(SHAPES)
    picture = draw(st_np.arrays(np.uint8, (*shape, 3)))
    mask = draw(st_np.arrays(np.bool_, shape)).astype(np.uint8) * np.uint8(255)
    return Spot(picture, PLACE, mask=mask)


def composed(
    spot: Spot, before: ByteArray, after: ByteArray, feather: float = 0.3, response: Response = SRGB
) -> tuple[Composed, Affine]:
    affine = fit_square(spot.picture, SIDE)[1]
    settings = {"affine": affine, "feather": feather, "response": response}
    return load_composer("pair", before=before, after=after, **settings)(spot), affine


@given(spots(), ENDS, ENDS)
def test_beyond_the_square_and_the_feather_every_byte_is_the_photos(
    spot: Spot, before: ByteArray, after: ByteArray
) -> None:
    made, affine = composed(spot, before, after)
    np.testing.assert_array_equal(made.picture, spot.picture)
    lit = relight(made.picture, [made.light], [Dial(2)])
    square = to_picture(np.ones((SIDE, SIDE), np.float32), affine) > 0
    assert spot.mask is not None
    beyond = (feathered(spot.mask, 0.3 * SIDE * affine.scale) == 0) | ~square
    np.testing.assert_array_equal(lit[beyond], spot.picture[beyond])
    assert bool(made.reason) == (not made.light.layer.any())


@given(spots(), ENDS, ENDS)
def test_at_gain_1_it_is_the_pasted_edit_where_that_is_brighter(
    spot: Spot, before: ByteArray, after: ByteArray
) -> None:
    assert spot.mask is not None
    made, affine = composed(spot, before, after, FEATHER)
    lit = relight(made.picture, [made.light], [Dial()])
    pasted = paste_change(spot.picture, spot.mask, before, after, affine)
    brighter = to_picture((linear(after) - linear(before)).astype(np.float32), affine) >= 0
    assert (np.abs(lit.astype(int) - pasted)[brighter] <= 1).all()
    np.testing.assert_array_equal(lit[~brighter], spot.picture[~brighter])


def test_light_is_in_the_units_of_the_curve_that_is_named() -> None:
    picture = np.full((12, 20, 3), 90, np.uint8)
    after = np.full((SIDE, SIDE, 3), 200, np.uint8)
    made, _ = composed(Spot(picture, PLACE), np.full_like(after, 90), after, response=FILM)
    assert made.light.response is FILM
    assert made.settings["response"] == "film"
    twice = relight(made.picture, [made.light], [Dial(2)])[6, 10]
    expected = FILM.display(2 * FILM.light(after) - FILM.light(np.full_like(after, 90)))[0, 0]
    np.testing.assert_allclose(twice.astype(int), expected, atol=1)


def test_light_beyond_the_mask_does_not_end_in_an_edge_where_the_square_does() -> None:
    photo = np.full((60, 90, 3), 60, np.uint8)  # the square is columns 15 to 74
    mask = np.zeros((60, 90), np.uint8)
    mask[25:35, 22:32] = 255
    after = np.full((SIDE, SIDE, 3), 160, np.uint8)
    made, _ = composed(Spot(photo, PLACE, mask=mask), np.full_like(after, 60), after)
    lit = relight(photo, [made.light], [Dial()])[..., 0].astype(int)
    assert (lit[25:35, 22:32] == 160).all()
    assert lit[:, :15].max() == 60
    assert np.abs(np.diff(lit[:, :26], axis=1)).max() < 40  # of 100


def test_without_a_mask_the_whole_square_is_lit() -> None:
    picture = np.full((12, 20, 3), 60, np.uint8)
    before, after = (np.full((SIDE, SIDE, 3), level, np.uint8) for level in (80, 120))
    made, _ = composed(Spot(picture, PLACE), before, after)
    assert (made.light.layer[:, 5:15] > 0).all()
    assert not made.light.layer[:, :4].any()


def test_a_mask_of_nothing_leaves_the_photo_and_says_so() -> None:
    picture = np.full((12, 20, 3), 60, np.uint8)
    spot = Spot(picture, PLACE, mask=np.zeros((12, 20), np.uint8))
    before, after = (np.full((SIDE, SIDE, 3), level, np.uint8) for level in (80, 120))
    made, _ = composed(spot, before, after)
    assert "mask is empty" in made.reason
    np.testing.assert_array_equal(made.picture, picture)
    assert not made.light.layer.any()


def test_ends_of_two_sizes_and_another_photo_are_refused() -> None:
    small, large = np.zeros((4, 4, 3), np.uint8), np.zeros((5, 5, 3), np.uint8)
    affine = fit_square(large, 4)[1]
    for feather in (-0.1, 3, "wide"):
        with pytest.raises(ValueError, match="feather must be a share"):
            load_composer("pair", before=small, after=small, affine=affine, feather=feather)
    with pytest.raises(ValueError, match="of one size"):
        load_composer("pair", before=small, after=large, affine=affine)
    with pytest.raises(ValueError, match=r"of a picture of \(5, 5\)"):
        load_composer("pair", before=small, after=small, affine=affine)(Spot(small, PLACE))
