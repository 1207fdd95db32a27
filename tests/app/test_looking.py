"""Places of a picture, and the share of the light that each of them has."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from higan_cam.app.facts import COLDEST, HOTTEST, STEP, facts
from higan_cam.app.limits import Limits
from higan_cam.app.looking import Eye, Seen, asked_place, places_config
from higan_cam.mask.student import load_student
from higan_cam.pictures import Unreadable
from higan_cam.relight import SRGB, planck_rgb
from higan_cam.relight.composers.cutout import Cutout
from higan_cam.rooms.photos import photo
from higan_cam.types import Place


@pytest.fixture(scope="module")
def eye() -> Eye:
    return Eye(load_student(), places_config(), Limits())


@pytest.fixture(scope="module")
def room(eye: Eye) -> Seen:
    """A room with three lamps that are off, 320 x 240."""
    body = io.BytesIO()
    Image.fromarray(photo(11, 3, "G2", lamps=False, size=320).image[40:280]).save(body, "PNG")
    seen = eye.look(body.getvalue())
    assert isinstance(seen, Seen)
    return seen


def test_each_place_has_the_light_around_it_and_little_of_the_others(eye: Eye, room: Seen) -> None:
    assert len(room.places) == 3
    around = [_around(room, place) for place in room.places]
    for place, own in zip(room.places, around, strict=True):
        layer = eye.light(room, place, None, Cutout()).light.layer
        others = [layer[other].mean() for other in around if other is not own]
        assert layer[own].mean() > 5 * max(others)


def test_a_picture_without_anything_to_see_in_it_has_a_reason_or_a_place(eye: Eye) -> None:
    body = io.BytesIO()
    Image.new("RGB", (100, 60)).save(body, "PNG")
    seen = eye.look(body.getvalue())
    assert isinstance(seen, Seen)
    assert bool(seen.places) != bool(seen.reason)


def test_places_are_asked_for_by_rank_or_by_shares(room: Seen) -> None:
    assert asked_place({"rank": 1}, room) == room.places[1]
    assert asked_place({"rank": 3}, room) == "place 4: this picture has 3"
    own = asked_place({"x": 0, "y": 1.0}, room)
    assert isinstance(own, Place)
    assert (own.x, own.y) == (0.0, 1.0)
    assert isinstance(asked_place({"x": float("nan"), "y": 0.5}, room), str)


def test_a_file_that_is_too_large_is_not_decoded(eye: Eye) -> None:
    answer = eye.look(bytes(eye.limits.upload_bytes + 1))
    assert isinstance(answer, Unreadable)
    assert "more than 24,000,000" in answer.reason


def test_the_page_gets_the_tables_that_relight_uses() -> None:
    told = facts(load_student(), "rooms", Limits())
    assert told["levels"] == SRGB.levels.tolist()
    assert told["borders"] == SRGB.borders.tolist()
    tints = np.array(told["tints"])
    assert tints.shape == ((HOTTEST - COLDEST) / STEP + 1, 3)
    np.testing.assert_array_equal(tints[[0, -1]], [planck_rgb(COLDEST), planck_rgb(HOTTEST)])
    assert all(one[2] <= next_one[2] for one, next_one in pairwise(tints.tolist()))


def _around(seen: Seen, place: Place) -> tuple[slice, slice]:
    """The pixels near a place."""
    height, width = seen.picture.shape[:2]
    y, x = round(place.y * height), round(place.x * width)
    return slice(max(0, y - 8), y + 9), slice(max(0, x - 8), x + 9)
