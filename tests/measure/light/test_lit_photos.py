"""What a transfer loses, told apart on pictures in which it is known."""

from __future__ import annotations

import numpy as np

from higan_cam.measure.light.lit_photos import UnlitPhotos, transfers
from higan_cam.relight.response import FILM, SRGB


def test_each_thing_that_is_put_right_is_right_where_that_alone_was_wrong() -> None:
    """A grey photo whose left half is lit; the edit has half of the light, and darkens a corner of the right half."""
    unlit = np.full((16, 16, 3), 90, np.uint8)
    light = np.zeros((16, 16), np.float32)
    light[:, :8] = 1
    strong, lit = unlit.copy(), unlit.copy()
    strong[:, :8] = SRGB.display(SRGB.light(unlit[:, :8]) + 0.1)
    lit[:, :8] = SRGB.display(SRGB.light(unlit[:, :8]) + 0.2)
    strong[:4, 12:] = 30
    known = UnlitPhotos(unlit[None], lit[None], light[None])
    made, gains = transfers(known, [unlit], [strong])
    assert (made["brighter"][0][:, 8:] == unlit[:, 8:]).all()
    assert (made["in the light"][0][:, 8:] == unlit[:, 8:]).all()
    np.testing.assert_array_equal(made["in the light"][0][:, :8], strong[:, :8])
    assert 1.5 < gains[0] <= 2.05
    np.testing.assert_array_equal(made["film"][0], strong)
    other = np.full_like(unlit, 120)
    (filmed,) = transfers(UnlitPhotos(other[None], lit[None], light[None]), [unlit], [strong])[0]["film"]
    np.testing.assert_array_equal(filmed, FILM.display(FILM.light(other) + FILM.light(strong) - FILM.light(unlit)))
