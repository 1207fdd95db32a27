"""A run's own edit as light in the photo: pairs of single lamps, and every byte beyond the feather the photo's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from higan_cam.config import LightConfig, RunConfig, parse_config
from higan_cam.generate import StyleGAN, to_uint8
from higan_cam.manipulate import fixed_ends, plan_edit
from higan_cam.pictures import Affine, to_picture
from higan_cam.pictures.paste import feathered, paste_change
from higan_cam.pipeline.carried import DARK, WHOLE, CarriedEdit, LightEnds, carried_unit, light_ends
from higan_cam.publish.lights import LitPair, Unlit
from higan_cam.relight import SRGB
from higan_cam.types import Boundary, Place
from tests.support.generators import small

SIDE = 48
AFFINE = Affine(2.0, 20.5, 0.5, (96, 144), SIDE)
LEFT, RIGHT = (slice(18, 28), slice(6, 14)), (slice(18, 28), slice(34, 42))

MEANS = {"score_response": {"mean": [0.3, 1.2, 2.4]}}
LAYERS = (2, 5)


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
    assert made[0].settings == {
        "composer": "pair",
        "seed": 7,
        "feather": 0.3,
        "response": "srgb",
        "scale": 2.0,
        "dx": 20.5,
        "dy": 0.5,
        "side": SIDE,
    }
    assert {pair.words for pair in pairs(edit, lamps=1)} < {pair.words for pair in made}


def test_off_is_the_photo_and_beyond_the_feather_every_byte_is_its_own(edit: CarriedEdit) -> None:
    beyond = feathered(edit.mask, 0.3 * 2 * SIDE) == 0
    assert beyond.any()
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


def boundary(**metrics: object) -> Boundary:
    return Boundary(np.eye(24, dtype=np.float32)[3], 0.0, "w", LAYERS, "lamps", metrics)


def on_pictures(**edit: object) -> RunConfig:
    return parse_config({"source": {"kind": "pictures", "pictures": "photos"}, "edit": {"distance": 3.0, **edit}})


@pytest.fixture(scope="module")
def ends() -> LightEnds:
    found = light_ends(on_pictures(), boundary(**MEANS), small(StyleGAN).float())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("score", "own", "expected"),
    [
        (0.0, 2.5, 3 * WHOLE),  # off: the whole way, though the score is reached before
        (0.3, 5.0, 3 * WHOLE),
        (1.0, 2.5, 2.5),  # some are on: the run's own way
        (1.0, 5.0, 3 * WHOLE),  # and never farther
        (2.6, -1.0, -1.0),
        (math.nan, 2.0, 2.0),
    ],
)
def test_pictures_without_light_go_the_whole_way_and_others_no_farther(
    ends: LightEnds, score: float, own: float, expected: float
) -> None:
    assert ends.distance(score, own) == pytest.approx(expected)


def test_what_is_drawn_is_the_runs_own_edit_of_that_distance(ends: LightEnds) -> None:
    rows = len(ends.generator.edit_strength)
    code = np.random.Generator(np.random.Philox(3)).normal(size=(rows, 24)).astype(np.float32)
    own = boundary(**MEANS)
    edit = plan_edit(on_pictures(distance=2.0).edit, own, ends.generator.edit_strength)
    with torch.inference_mode():
        positive = fixed_ends(torch.from_numpy(code[None]), own, edit).positive
        expected = to_uint8(ends.generator.synthesize(positive)[0])[0]
    np.testing.assert_array_equal(ends.draw(code, 2.0), expected)


def test_ends_that_were_asked_for_stay() -> None:
    generator = small(StyleGAN).float()
    assert light_ends(on_pictures(targets=[0.2, 2.0]), boundary(**MEANS), generator) is None
    assert light_ends(on_pictures(), boundary(), generator) is None  # they go by distance as it is
