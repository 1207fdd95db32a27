"""A run's own edit as light in the photo: pairs of single lamps, and every byte beyond the feather the photo's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from higan_cam.config import LightConfig
from higan_cam.pictures import Affine, to_picture
from higan_cam.pictures.paste import feathered, paste_change
from higan_cam.pipeline.carried import DARK, CarriedEdit, carried_unit
from higan_cam.publish.lights import LitPair, Unlit
from higan_cam.relight import SRGB
from higan_cam.relight.composers.compose import FEATHER
from higan_cam.types import Place

SIDE = 48
AFFINE = Affine(2.0, 20.5, 0.5, (96, 144), SIDE)
LEFT, RIGHT = (slice(18, 28), slice(6, 14)), (slice(18, 28), slice(34, 42))


@pytest.fixture
def edit() -> CarriedEdit:
    """Two lamps come on in the generator's square; one region holds both."""
    before = np.full((SIDE, SIDE, 3), 60, np.uint8)
    after, inside = before.copy(), np.zeros((SIDE, SIDE), np.uint8)
    after[LEFT] = after[RIGHT] = 140
    inside[16:30, 4:44] = 255
    mask = to_picture(inside, AFFINE)
    picture = np.random.default_rng(np.random.Philox(4)).integers(30, 90, (96, 144, 3)).astype(np.uint8)
    place = Place(0, 0.5, 0.5, 0.2, 0.3, 0.6, 0.3)
    return CarriedEdit(3, "3.png", picture, mask, [(place, mask > 0)], before, after, AFFINE)


def pairs(edit: CarriedEdit, lamps: int = 9, gains: tuple[float, ...] = (1.0, 0.5)) -> list[LitPair]:
    made = list(carried_unit(LightConfig(gains=gains, lamps=lamps), 7, [edit]))
    assert all(isinstance(pair, LitPair) for pair in made)
    return [pair for pair in made if isinstance(pair, LitPair)]


def test_each_lamp_of_the_edit_has_its_pairs_with_seed_and_settings(edit: CarriedEdit) -> None:
    made = pairs(edit)
    assert {pair.words for pair in made} == {
        f"{what} the lamp on the {side}" for what in ("switch on", "dim", "switch off") for side in ("left", "right")
    }
    assert [pair.variant for pair in made] == list(range(6))
    assert {(pair.index, pair.key) for pair in made} == {(3, "3.png")}
    assert made[0].settings == {"composer": "pair", "seed": 7, "scale": 2.0, "dx": 20.5, "dy": 0.5, "side": SIDE}
    assert {pair.words for pair in pairs(edit, lamps=1)} < {pair.words for pair in made}


def test_off_is_the_photo_and_beyond_the_feather_every_byte_is_its_own(edit: CarriedEdit) -> None:
    beyond = feathered(edit.mask, FEATHER * 96) == 0
    for pair in pairs(edit, gains=(2.0,)):
        on, off = (pair.after, pair.before) if pair.gains[0] == 0 else (pair.before, pair.after)
        np.testing.assert_array_equal(off, edit.picture)
        np.testing.assert_array_equal(on[beyond], edit.picture[beyond])
        assert (on.astype(int) - off).max() > 40


def test_lights_of_the_lamps_add_up_to_the_pasted_edit(edit: CarriedEdit) -> None:
    """In linear light, to the rounding of two pictures to levels."""
    lit = [pair.after for pair in pairs(edit, gains=(1.0,)) if pair.gains[0] == 0]
    assert len(lit) == 2
    unlit = SRGB.light(edit.picture)
    together = SRGB.display(unlit + sum(SRGB.light(each) - unlit for each in lit))
    pasted = paste_change(edit.picture, edit.mask, edit.before, edit.after, edit.affine)
    np.testing.assert_allclose(together.astype(int), pasted, atol=2)
    assert (pasted.astype(int) - edit.picture).max() > 40


def test_what_has_no_light_says_why(edit: CarriedEdit) -> None:
    gone = Unlit("4.png", "unreadable", "cut off")
    darker = replace(edit, after=edit.before // 2)
    faint = replace(edit, after=edit.before + np.uint8(1))
    found = list(carried_unit(LightConfig(gains=(1.0,)), 0, [gone, darker, faint]))
    assert found[0] is gone
    assert found[1:] == [
        Unlit("3.png", "empty", "the strong end is nowhere brighter where the mask is"),
        Unlit("3.png", "empty", DARK),
    ]
