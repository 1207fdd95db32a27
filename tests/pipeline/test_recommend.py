"""A student's answer as places of the picture: on the lamps, at the picture's own size, unreadable ones said."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from higan_cam.config import parse_config
from higan_cam.generate import from_uint8
from higan_cam.mask.student import load_student
from higan_cam.mask.student.absent import thumbnails
from higan_cam.pictures import Picture, PictureRow, Unreadable
from higan_cam.pipeline.bank import FULL, Bank
from higan_cam.pipeline.recommend import NOWHERE_ELSE, recommend_unit
from higan_cam.rooms.photos import TUNING_SEED, RoomPhoto, photos
from higan_cam.rooms.truth import LIT
from higan_cam.types import ByteArray, Recommendation

COUNT, BORDER = 8, 32
CONFIG = parse_config({"source": {"kind": "pictures", "pictures": "photos"}})


@pytest.fixture(scope="module")
def rooms() -> list[RoomPhoto]:
    return list(photos(TUNING_SEED, COUNT, "G1"))


def answers(pictures: list[ByteArray]) -> list[Recommendation]:
    rows = [PictureRow(index, f"{index}.png", 1, "sha256:0") for index in range(len(pictures))]
    return list(recommend_unit(load_student(), CONFIG, rows, lambda row: Picture(pictures[row.index])))


def test_the_first_place_is_where_a_lamps_light_falls(rooms: list[RoomPhoto]) -> None:
    for room, answer in zip(rooms, answers([room.image for room in rooms]), strict=True):
        side = len(room.image)
        first = answer.places[0]
        assert answer.status == "ok"
        assert room.light[int(first.y * side), int(first.x * side)] >= LIT


def test_places_and_mask_of_a_wider_picture_are_its_own(rooms: list[RoomPhoto]) -> None:
    """The middle square is the same room, so everything moves by the border and nothing else changes."""
    wide = [np.pad(room.image, ((0, 0), (BORDER, BORDER), (0, 0)), mode="edge") for room in rooms[:3]]
    for plain, padded in zip(answers([room.image for room in rooms[:3]]), answers(wide), strict=True):
        assert plain.mask is not None
        assert padded.mask is not None
        np.testing.assert_array_equal(padded.mask[:, BORDER:-BORDER], plain.mask)
        assert not padded.mask[:, :BORDER].any()
        side = plain.mask.shape[1]
        for one, other in zip(plain.places, padded.places, strict=True):
            assert other.x * (side + 2 * BORDER) == pytest.approx(one.x * side + BORDER)
            assert other.y == pytest.approx(one.y)


def test_a_dark_picture_is_empty_with_the_reason() -> None:
    (answer,) = answers([np.full((90, 90, 3), 40, np.uint8)])
    assert (answer.status, answer.places) == ("empty", ())
    assert answer.reason


def test_what_cannot_be_read_is_a_row_with_its_reason() -> None:
    row = PictureRow(3, "cut off.jpg", 1, "sha256:0")
    (answer,) = recommend_unit(load_student(), CONFIG, [row], lambda _: Unreadable("breaks off"))
    assert (answer.index, answer.status, answer.reason, answer.picture) == (3, "unreadable", "breaks off", None)


def test_where_it_could_be_is_where_similar_rooms_are_lit_and_this_one_is_not(rooms: list[RoomPhoto]) -> None:
    student = load_student()
    images = from_uint8(np.stack([room.image for room in rooms]))
    # Every room lends the light of all rooms: what is missing in one is lit in another.
    light = torch.from_numpy(np.mean([room.light >= LIT for room in rooms], axis=0, dtype=np.float32))
    heat = F.avg_pool2d(light[None], 2).expand(len(rooms), -1, -1)
    bank = Bank(thumbnails(images), (FULL * heat).round().to(torch.uint8))
    rows = [PictureRow(index, f"{index}.png", 1, "sha256:0") for index in range(len(rooms))]
    for room, answer in zip(rooms, recommend_unit(student, CONFIG, rows, reading(rooms), bank), strict=True):
        lit = student.mask(from_uint8(room.image[None]))[0].numpy().repeat(2, 0).repeat(2, 1) >= 0.5
        assert answer.mask is not None
        assert answer.heat is not None
        assert not (answer.mask.astype(bool) & lit).any()
        assert answer.heat.max() <= float(heat.max()) + 0.5 / FULL
        for place in answer.places:
            assert not lit[int(place.y * len(lit)), int(place.x * len(lit))]


def test_where_similar_rooms_have_no_heat_there_is_no_place_and_the_reason_says_so(rooms: list[RoomPhoto]) -> None:
    bank = Bank(thumbnails(from_uint8(rooms[0].image[None])), torch.full((1, 64, 64), 20, dtype=torch.uint8))
    row = PictureRow(0, "0.png", 1, "sha256:0")
    (answer,) = recommend_unit(load_student(), CONFIG, [row], reading(rooms), bank)
    assert answer.status == "empty"
    assert answer.reason.endswith(NOWHERE_ELSE)


def reading(rooms: list[RoomPhoto]) -> Callable[[PictureRow], Picture]:
    return lambda row: Picture(rooms[row.index].image)
