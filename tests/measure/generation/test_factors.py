"""Factors of rooms: renders agree with renders, what is missing is named, and ruined samples do not seem diverse."""

from __future__ import annotations

import json

import numpy as np
import pytest

from higan_cam.errors import DataError
from higan_cam.generate import sample_latents
from higan_cam.measure.generation.factors import LIT, READ, compare_factors, factors_of
from higan_cam.rooms import scene_of
from higan_cam.rooms.scene import OBJECTS, Z_DIM
from higan_cam.types import FloatArray


def rooms(first: int, count: int = 3000) -> FloatArray:
    return factors_of(scene_of(sample_latents(range(first, first + count), 5, Z_DIM)))


def test_the_columns_are_what_a_scene_says() -> None:
    scene = scene_of(sample_latents(range(50), 5, Z_DIM))
    found = dict(zip(READ, factors_of(scene).T, strict=True))
    np.testing.assert_array_equal(found["wardrobe"], scene.column("wardrobe"))
    np.testing.assert_array_equal(found["desk_lit"], scene.column("desk") * scene.brightness[:, -1])
    np.testing.assert_array_equal(found["exposure"], scene.exposure)


def test_other_rooms_of_the_kind_differ_by_chance_alone() -> None:
    found = compare_factors(rooms(0), rooms(3000))
    assert max(found.distances.values()) < 0.05
    assert found.recall == 1
    assert found.undecided.value < 0.02


def test_an_object_that_is_never_drawn_is_named_and_halves_the_recall() -> None:
    samples = rooms(0)
    samples[:, READ.index("wardrobe")] = 0
    found = compare_factors(samples, rooms(3000))
    assert next(iter(found.scarce)) == "wardrobe"
    assert found.scarce["wardrobe"] == pytest.approx(-0.5, abs=0.03)
    assert found.recall == pytest.approx(0.5)
    assert found.distances["objects"] == pytest.approx(0.5 / len(OBJECTS), abs=0.02)


def test_lamps_that_never_burn_show_in_their_number_and_one_wall_in_its_histogram() -> None:
    samples = rooms(0)
    samples[:, [READ.index(name) for name in LIT]] = 0
    samples[:, READ.index("wall_warmth")] = 0.55
    found = compare_factors(samples, truth := rooms(3000))
    burning = truth[:, [READ.index(name) for name in LIT]] > 0.5
    assert found.distances["lamps_lit"] == pytest.approx(burning.any(axis=1).mean())
    assert found.distances["wall_warmth"] > 0.8


def test_samples_that_can_be_read_either_way_fill_no_cell() -> None:
    samples = np.random.default_rng(0).uniform(0.2, 0.8, (1000, len(READ)))
    found = compare_factors(samples, rooms(0))
    assert found.undecided.value == 1
    assert (found.decided, np.isnan(found.recall)) == (0, True)
    json.dumps(found.to_json(), allow_nan=False)


def test_other_columns_are_refused() -> None:
    with pytest.raises(DataError, match="readings"):
        compare_factors(np.zeros((3, 4)), rooms(0, 10))
