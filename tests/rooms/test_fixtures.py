"""The fixture map is the truth's, without the light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from higan_cam.rooms.fixtures import fixture_map, shade_coverage
from higan_cam.rooms.scene import LAMPS, scene_of
from higan_cam.rooms.truth import truth

Latents = Callable[[int, int], npt.NDArray[np.float64]]


def test_clean_scenes_have_the_fixtures_of_the_truth(latents: Latents) -> None:
    scene = scene_of(latents(24, 1))
    scene = replace(scene, layout=np.rint(scene.layout), present=np.rint(scene.present))
    found = fixture_map(scene, 64)
    assert torch.equal(found > 0.5, truth(scene, 64).fixture.any(dim=1, keepdim=True))


def test_a_room_without_lamps_has_no_fixtures(latents: Latents) -> None:
    scene = scene_of(latents(6, 2))
    assert not fixture_map(replace(scene, present=np.zeros_like(scene.present)), 32).any()


def test_opacity_follows_presence(latents: Latents) -> None:
    scene = scene_of(latents(6, 3))
    full = fixture_map(replace(scene, present=np.ones_like(scene.present)), 32)
    half = fixture_map(replace(scene, present=np.full_like(scene.present, 0.5)), 32)
    assert full.shape == (6, 1, 32, 32)
    assert full.max() <= 1
    lone = full < 1 - 1e-6
    torch.testing.assert_close(half[lone], 0.5 * full[lone])


def test_drives_do_not_count(latents: Latents) -> None:
    scene = scene_of(latents(6, 4))
    assert torch.equal(fixture_map(scene, 32), fixture_map(replace(scene, drive=1 - scene.drive), 32))


@pytest.mark.parametrize("layout", [0, 1])
def test_every_lamp_has_a_shade_in_each_layout(layout: int) -> None:
    coverage = shade_coverage(layout, 64)
    assert coverage.shape == (len(LAMPS), 64, 64)
    assert (coverage.amax(dim=(1, 2)) > 0.9).all()
    assert coverage.min() >= 0
    assert coverage.max() <= 1
