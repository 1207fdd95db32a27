"""A student as an attribution: its heat of the negative end, and nothing where nothing changes."""

from __future__ import annotations

import torch

from higan_cam.config import AttributionConfig
from higan_cam.generate import from_uint8
from higan_cam.mask import make_attribution
from higan_cam.mask.student import load_student
from higan_cam.mask.student.attribution import StudentHeat
from higan_cam.rooms.photos import TUNING_SEED, photos


def test_heat_is_the_students_own_of_the_negative_end_at_the_maps_size() -> None:
    off, on = (from_uint8(next(photos(TUNING_SEED, 1, "G1", lamps)).image[None]) for lamps in (False, True))
    student = load_student()
    heat = StudentHeat(student, map_size=64).between(off, on)
    torch.testing.assert_close(heat, student.heat(off))
    assert heat.max() > 0.5
    assert heat.max() <= 1


def test_two_ends_that_are_the_same_picture_have_no_heat() -> None:
    on = from_uint8(next(photos(TUNING_SEED, 1, "G1")).image[None])
    assert not StudentHeat(load_student()).between(on, on).any()


def test_it_is_known_by_name() -> None:
    made = make_attribution(AttributionConfig(name="student", map_size=32), ())
    assert isinstance(made, StudentHeat)
    assert made.map_size == 32
