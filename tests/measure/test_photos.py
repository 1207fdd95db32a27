"""Answers against photos with known light: the truth itself is right, and moves with the camera."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.measure.photos import FIGURES, Answer, KnownPhotos, figures_of, known_photos, moved_along
from higan_cam.rooms.photos import photos

SEED, COUNT, SIZE = 2**61 + 6, 4, 64


@pytest.fixture(scope="module")
def clean() -> KnownPhotos:
    """Four clean photos."""
    return known_photos(SEED, COUNT, "G1", size=SIZE)


def truth_of(known: KnownPhotos) -> Answer:
    """What a method says that knows: shades first, then what else is lit."""
    shades = known.shades.any(axis=1)
    return Answer(np.where(shades, 2, known.lit).astype(np.float32), known.lit | shades)


def test_the_truth_is_right_in_every_figure(clean: KnownPhotos) -> None:
    lit = figures_of(Answer(clean.lit.astype(np.float32), clean.lit), clean)
    np.testing.assert_allclose(lit["ap_light"], 1)
    np.testing.assert_allclose(lit["iou"], 1)
    known = figures_of(truth_of(clean), clean)
    assert set(known) == set(FIGURES)
    for name in ("ap_shades", "pointing", "lamps"):
        np.testing.assert_allclose(known[name], 1)


def test_one_map_for_all_photos_is_compared_with_each(clean: KnownPhotos) -> None:
    constant = figures_of(Answer(np.ones((1, SIZE, SIZE), np.float32), np.ones((1, SIZE, SIZE), bool)), clean)
    np.testing.assert_allclose(constant["ap_light"], clean.lit.mean(axis=(1, 2)))
    np.testing.assert_allclose(constant["iou"], clean.lit.mean(axis=(1, 2)))


def test_what_was_said_of_clean_rooms_is_moved_to_their_photos(clean: KnownPhotos) -> None:
    taken = known_photos(SEED, COUNT, "G2", size=SIZE)
    still = figures_of(truth_of(clean), taken)["iou"]
    moved = figures_of(moved_along(truth_of(clean), taken.moved), taken)["iou"]
    assert moved.mean() > 0.95
    assert (moved >= still).all()


def test_grades_show_the_same_rooms_and_are_named(clean: KnownPhotos) -> None:
    dark = known_photos(SEED, COUNT, "G1", lamps=False, size=SIZE)
    np.testing.assert_array_equal(dark.latents, clean.latents)
    assert (clean.name, dark.name) == ("G1", "G1, lamps off")
    assert dark.images.mean() < clean.images.mean()
    np.testing.assert_array_equal(clean.lit[0], next(photos(SEED, 1, "G1", size=SIZE)).lit)
