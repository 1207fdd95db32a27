"""A student as an attribution: its heat of the original and the negative end, and nothing where nothing changes."""

from __future__ import annotations

import torch

from higan_cam.config import AttributionConfig
from higan_cam.generate import from_uint8, sample_latents
from higan_cam.mask import make_attribution
from higan_cam.mask.student import load_student
from higan_cam.mask.student.attribution import StudentHeat
from higan_cam.pipeline import Models
from higan_cam.rooms.photos import TUNING_SEED, photos


def test_heat_is_the_students_own_of_the_negative_end_at_the_maps_size() -> None:
    off, on = (from_uint8(next(photos(TUNING_SEED, 1, "G1", lamps)).image[None]) for lamps in (False, True))
    student = load_student()
    heat = StudentHeat(student, map_size=64).between(off, on)
    torch.testing.assert_close(heat, student.heat(off))
    assert heat.max() > 0.5
    assert heat.max() <= 1


def test_heat_of_a_picture_and_its_negative_end_is_the_mean_of_both() -> None:
    off, on = (from_uint8(next(photos(TUNING_SEED, 1, "G1", lamps)).image[None]) for lamps in (False, True))
    student = load_student()
    heat = StudentHeat(student, map_size=64).of(on, off, on)
    torch.testing.assert_close(heat, (student.heat(off) + student.heat(on)) / 2)


def test_ends_as_far_from_the_original_on_both_sides_give_what_its_picture_gives(models: Models) -> None:
    """The benchmark knows the codes of the ends alone, a run has all three pictures."""
    attribution, generator = StudentHeat(load_student(), map_size=64), models.generator
    original = generator.truncate(generator.map(torch.from_numpy(sample_latents([3], 0, generator.z_dim))))
    step = 0.1 * torch.ones(original.shape[-1])
    codes = (original, original - step, original + step)
    with torch.no_grad():
        images = [generator.synthesize(code)[0] for code in codes]
        heat = attribution(generator, models.scorer, *codes[1:])
    torch.testing.assert_close(heat, attribution.of(*images), atol=1e-4, rtol=0)
    assert (heat - attribution.between(*images[1:])).abs().max() > 1e-3, "the original has a say"


def test_two_ends_that_are_the_same_picture_have_no_heat() -> None:
    on = from_uint8(next(photos(TUNING_SEED, 1, "G1")).image[None])
    assert not StudentHeat(load_student()).of(on, on, on).any()


def test_it_is_known_by_name() -> None:
    made = make_attribution(AttributionConfig(name="student", map_size=32), ())
    assert isinstance(made, StudentHeat)
    assert made.map_size == 32
