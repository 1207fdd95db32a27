"""Pictures: range, determinism, batches, resolutions, and that absent things leave no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.rooms.layers import layers_of
from higan_cam.rooms.render import render
from higan_cam.rooms.scene import LAMPS, OBJECTS, scene_of

Latents = Callable[[int, int], npt.NDArray[np.float64]]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_pictures_are_finite_and_in_range(latents: Latents, seed: int) -> None:
    image = render(latents(4, seed), 32)
    assert image.shape == (4, 3, 32, 32)
    assert image.dtype == torch.float32
    assert image.isfinite().all()
    assert image.min() >= -1.0
    assert image.max() <= 1.0


def test_same_latents_give_the_same_bytes(latents: Latents) -> None:
    z = latents(6, 1)
    first = render(z, 64)
    layers_of.cache_clear()
    assert torch.equal(first, render(z, 64))


def test_a_picture_does_not_depend_on_its_batch(latents: Latents) -> None:
    z = latents(9, 2)
    alone = torch.cat([render(z[i : i + 1], 64) for i in range(9)])
    torch.testing.assert_close(render(z, 64), alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("lamp", range(len(LAMPS)))
def test_an_absent_lamp_leaves_no_trace_whatever_its_drive(latents: Latents, lamp: int) -> None:
    scene = scene_of(latents(8, 3))
    present = scene.present.copy()
    present[:, lamp] = 0.0
    pictures = []
    for drive in (-1.0, 0.5, 2.0):
        drives = scene.drive.copy()
        drives[:, lamp] = drive
        pictures.append(render(replace(scene, present=present, drive=drives), 64))
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("layout", [0.0, 1.0])
def test_every_object_shows_in_both_layouts(latents: Latents, name: str, layout: float) -> None:
    scene = scene_of(latents(1, 4))
    column = list(OBJECTS).index(name)
    objects = np.zeros_like(scene.objects)
    there = objects.copy()
    there[:, column] = 1.0
    scene = replace(scene, layout=np.full(1, layout, np.float32))
    change = render(replace(scene, objects=there), 64) - render(replace(scene, objects=objects), 64)
    assert (change.abs().amax(dim=1) > 0.02).sum() >= 20


def test_a_drive_beyond_fully_on_or_below_off_changes_nothing(latents: Latents) -> None:
    scene = scene_of(latents(6, 5))
    for inside, beyond in ((0.0, -1.0), (1.0, 2.0)):
        pictures = [render(replace(scene, drive=np.full_like(scene.drive, d)), 64) for d in (inside, beyond)]
        assert torch.equal(*pictures)


def test_both_resolutions_show_the_same_room(latents: Latents) -> None:
    z = latents(16, 6)
    small, large = render(z, 64), F.avg_pool2d(render(z, 128), 2)
    assert (small - large).abs().mean() < 0.02


@pytest.mark.parametrize("resolution", [0, -32, 50])
def test_resolutions_that_are_no_multiple_of_32_are_refused(latents: Latents, resolution: int) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        render(latents(1, 7), resolution)


def test_few_pixels_saturate(latents: Latents) -> None:
    image = render(latents(64, 8), 64)
    assert (image > 0.98).float().mean() < 0.01
    assert (image < -0.98).float().mean() < 0.01


@pytest.mark.parametrize("layout", [0, 1])
def test_lamp_shades_are_large_apart_and_clear_of_the_panes(layout: int) -> None:
    layers = layers_of(layout, 64)
    covered = torch.zeros(64, 64)
    for shade in layers.shades:
        assert shade.alpha.sum() >= 25
        assert (covered[shade.rows, shade.columns] * shade.alpha[0, 0]).sum() == 0
        assert (layers.glow[0][shade.rows, shade.columns] * shade.alpha[0, 0]).sum() == 0
        covered[shade.rows, shade.columns] += shade.alpha[0, 0]
