"""Monitors of unpaired translation against planted faults."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.errors import DataError
from higan_cam.measure.generation.translated import alike, inverted
from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED
from higan_cam.rooms.photos import photo_latent
from higan_cam.rooms.scene import scene_of
from higan_cam.rooms.switched import switch_on, whole
from higan_cam.types import ByteArray


def noisy(count: int = 40, seed: int = 0) -> ByteArray:
    return np.random.Generator(np.random.Philox(seed)).integers(0, 256, (count, 16, 16, 3)).astype(np.uint8)


def test_true_pairs_of_rooms_are_not_inverted_and_their_negatives_are() -> None:
    latents = np.stack([photo_latent(3, index) for index in range(24)])
    scene = whole(scene_of(latents))
    rooms = switch_on(scene, scene.present > 0, 32)
    lit = np.minimum(rooms.unlit + 60 * rooms.light.permute(0, 2, 3, 1).numpy(), 255).astype(np.uint8)
    assert inverted(rooms.unlit, lit).value == CLEAN
    found = inverted(rooms.unlit, 255 - lit)
    assert found.value == "inverted"
    assert found.figure == 1


def test_one_channel_turned_over_is_told_by_its_name_and_in_which_pictures() -> None:
    before = noisy()
    after = before.copy()
    after[:20, ..., 2] = 255 - after[:20, ..., 2]
    found = inverted(before, after)
    assert found.value == "inverted"
    assert found.figure == 0.5
    assert "most often blue" in found.words
    assert sorted(found.evidence["pictures"][:20]) == list(range(20))


def test_flat_pictures_say_nothing_of_inversion() -> None:
    flat = np.full((40, 8, 8, 3), 7, np.uint8)
    assert inverted(flat, 255 - flat).value == NOT_MEASURED
    with pytest.raises(DataError, match="one shape"):
        inverted(flat, flat[:2])


def test_one_answer_to_everything_is_alike_and_different_ones_are_not() -> None:
    reals = noisy(seed=1)
    assert alike(noisy(), reals).value == CLEAN
    one = np.repeat(noisy(1), 40, axis=0)
    found = alike(one, reals)
    assert found.value == "alike"
    assert found.figure < 1e-3
    assert alike(noisy(4), reals).value == NOT_MEASURED
