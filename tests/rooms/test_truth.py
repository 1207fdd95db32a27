"""The truth is what re-rendering shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from higan_cam.rooms.render import render
from higan_cam.rooms.scene import LAMPS, Scene, scene_of
from higan_cam.rooms.truth import REC_709, level, ordinal, truth

Latents = Callable[[int, int], npt.NDArray[np.float64]]


def with_drive(scene: Scene, lamp: int, drive: float) -> Scene:
    """The scene with one lamp's drive set."""
    drives = scene.drive.copy()
    drives[:, lamp] = drive
    return replace(scene, drive=drives)


@pytest.mark.parametrize("lamp", range(len(LAMPS)))
def test_light_is_the_luminance_that_switching_the_lamp_changes(latents: Latents, lamp: int) -> None:
    scene = scene_of(latents(12, 1))
    gain = (render(with_drive(scene, lamp, 1.0), 64) - render(with_drive(scene, lamp, 0.0), 64)) / 2
    luminance = torch.einsum("nchw,c->nhw", gain, torch.tensor(REC_709))
    torch.testing.assert_close(truth(scene, 64).light[:, lamp], luminance, atol=2e-5, rtol=0)


def test_switching_a_lamp_changes_only_pixels_with_light(latents: Latents) -> None:
    scene = scene_of(latents(12, 2))
    light = truth(scene, 64).light
    for lamp in range(len(LAMPS)):
        change = render(with_drive(scene, lamp, 1.0), 64) - render(with_drive(scene, lamp, 0.0), 64)
        dark = light[:, lamp] < 1e-3
        assert change.abs().amax(dim=1)[dark].max() < 0.02


def test_absent_lamps_have_neither_fixture_nor_light(latents: Latents) -> None:
    scene = scene_of(latents(40, 3))
    found = truth(scene, 64)
    absent = torch.from_numpy(scene.present == 0.0)
    assert not found.fixture[absent].any()
    assert not found.light[absent].any()


def test_present_lamps_have_fixtures_where_their_light_is_strongest(latents: Latents) -> None:
    scene = scene_of(latents(40, 4))
    scene = replace(scene, layout=np.rint(scene.layout), present=np.rint(scene.present))
    found = truth(scene, 64)
    sizes = found.fixture.sum(dim=(2, 3))[torch.from_numpy(found.present)]
    assert sizes.min() >= 25
    inside = (found.light * found.fixture).sum(dim=(2, 3)) / found.fixture.sum(dim=(2, 3)).clamp(min=1)
    overall = found.light.mean(dim=(2, 3))
    assert (inside > 3 * overall)[torch.from_numpy(found.present)].all()


def test_level_is_in_range_and_never_falls_with_a_drive(latents: Latents) -> None:
    scene = scene_of(latents(300, 5))
    assert level(scene).min() >= 0.0
    assert level(scene).max() <= 3.0
    for lamp in range(len(LAMPS)):
        rising = [level(with_drive(scene, lamp, drive)) for drive in (-1.0, 0.0, 0.3, 0.7, 1.0, 2.0)]
        steps = np.diff(np.stack(rising), axis=0)
        assert (steps >= 0).all()
        assert (steps[1:4, scene.present[:, lamp] == 1.0] > 0).all()


def test_windows_exposure_and_colours_do_not_count_as_level(latents: Latents) -> None:
    scene = scene_of(latents(50, 6))
    other = replace(
        scene, style=1 - scene.style, exposure=1 - scene.exposure, colour=1 - scene.colour, objects=1 - scene.objects
    )
    np.testing.assert_array_equal(level(scene), level(other))


def test_levels_spread_over_the_four_classes(latents: Latents) -> None:
    levels = level(scene_of(latents(20_000, 7)))
    shares = np.bincount(ordinal(levels), minlength=4) / len(levels)
    assert shares.min() > 0.05
    assert shares.max() < 0.45
    assert (levels == 0).mean() < 0.2


def test_ordinal_rounds_to_the_nearest_class() -> None:
    np.testing.assert_array_equal(ordinal(np.array([0.0, 0.4, 0.6, 1.6, 2.9], np.float32)), [0, 0, 1, 2, 3])


def test_truth_carries_the_scenes_lamps(latents: Latents) -> None:
    scene = scene_of(latents(5, 8))
    found = truth(scene, 32)
    assert found.light.shape == (5, len(LAMPS), 32, 32)
    np.testing.assert_array_equal(found.drive, scene.drive)
    np.testing.assert_array_equal(found.level, level(scene))
    np.testing.assert_array_equal(found.brightness, np.clip(scene.drive, 0, 1))


def test_truth_at_an_odd_resolution_is_refused(latents: Latents) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        truth(latents(1, 9), 48 + 1)
