"""Empty slots are known, and what is lit is left out."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.measure.absent import AbsentLamps, absent_figures, absent_lamps, place_figures
from higan_cam.rooms.photos import photo_latent
from higan_cam.rooms.scene import scene_of

SEED, COUNT = 2**61 + 6, 4


@pytest.fixture(scope="module")
def known() -> AbsentLamps:
    """Four rooms with empty slots."""
    return absent_lamps(SEED, COUNT, 64)


def test_absent_light_is_nowhere_lit_and_somewhere(known: AbsentLamps) -> None:
    assert not (known.absent & known.lit).any()
    assert known.absent.any(axis=(1, 2)).all()
    assert known.images.shape == (COUNT, 64, 64, 3)


def test_figures_are_of_what_is_not_lit(known: AbsentLamps) -> None:
    heats = {
        "truth": known.absent.astype(np.float32),
        "truth and what is lit": (known.absent | known.lit).astype(np.float32),
        "constant": np.ones((1, 8, 8), np.float32),
    }
    figures = absent_figures(heats, known, 0)
    assert figures["truth"].value == figures["truth and what is lit"].value == 1
    share = known.absent.sum(axis=(1, 2)) / (~known.lit).sum(axis=(1, 2))
    assert figures["constant"].value == pytest.approx(share.mean())


def test_rooms_have_lamps_and_lack_some(known: AbsentLamps) -> None:
    scene = scene_of(np.stack([photo_latent(SEED, index) for index in range(40)]))
    usable = (scene.present > 0.5).any(axis=1) & ~(scene.present > 0.5).all(axis=1)
    assert usable.sum() >= COUNT


def test_places_in_the_light_of_absent_lamps_are_hits_and_no_place_is_a_miss(known: AbsentLamps) -> None:
    large = known.absent.repeat(4, axis=1).repeat(4, axis=2)
    right = [(mask.astype(np.float32), mask) for mask in large]
    figures = place_figures(right, known, 0)
    assert figures["iou"].value == 1
    assert figures["first"].value >= 0.75  # the middle of bent light may lie beside it
    nowhere = [(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.bool_))] * COUNT
    assert {each.value for each in place_figures(nowhere, known, 0).values()} == {0.0}
    lit = [(mask.astype(np.float32), mask) for mask in known.lit.repeat(4, axis=1).repeat(4, axis=2)]
    assert place_figures(lit, known, 0)["first"].value == 0
