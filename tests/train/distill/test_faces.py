"""Faces as a world to distil: the mapping is their factors, eyes and mouths count more, renders read as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.faces import properties, render, scene_of
from higan_cam.faces.scene import FACTORS, PROPERTIES, factors
from higan_cam.train.distill.distill import distill
from higan_cam.train.distill.faces import read_property
from higan_cam.train.distill.latents import as_tensor, held_out_latents
from higan_cam.train.distill.mapping import MARGIN
from higan_cam.train.distill.settings import RECIPES, DistillSettings, Stage
from higan_cam.train.distill.trainee import build_generator, linear_patterns, targets
from higan_cam.train.distill.worlds import WORLDS, toy_world
from higan_cam.train.settings import Progress

pytestmark = pytest.mark.usefixtures("few_patterns")


def test_the_faces_mapping_is_the_faces_factors() -> None:
    toy, z = toy_world("faces"), held_out_latents(200, 64)
    with torch.no_grad():
        w = build_generator((4, 4), 8, toy).map(as_tensor(z)).numpy()
    scales, lows = [each.scale for each in toy.factors], [each.low for each in toy.factors]
    np.testing.assert_allclose((w[:, : len(FACTORS)] - MARGIN) / scales + lows, factors(z), rtol=0, atol=2e-4)


def test_eyes_and_mouths_count_most_and_everything_counts() -> None:
    z = held_out_latents(4, 64)
    image, weight = targets(z, 64, 3.0, toy_world("faces"))
    assert torch.equal(image, render(z, 64))
    assert weight.min() == 1
    assert weight.max() == 7
    assert weight[:, 0, :8].max() == 1


def test_patterns_of_faces_are_of_unit_deviation() -> None:
    patterns = linear_patterns(16, 40, toy_world("faces"))
    torch.testing.assert_close(patterns.std(dim=(1, 2)), torch.ones(40))


@pytest.mark.parametrize("name", PROPERTIES)
def test_renders_read_as_what_they_are(name: str) -> None:
    scene = scene_of(held_out_latents(6, 64))
    shown = read_property(render(scene, 64), scene, name)
    np.testing.assert_allclose(shown, properties(scene)[name], atol=0.032 if name == "yaw" else 0.016)


def test_the_loss_on_faces_falls_and_the_figures_are_told(tmp_path: Path) -> None:
    lines: list[Progress] = []
    stages = (Stage(resolution=8, steps=10, batch=4, learning_rate=0.05), Stage(resolution=32, steps=50, batch=4))
    settings = DistillSettings(output=str(tmp_path), world="faces", channels=(6, 6, 6, 4), stages=stages, held_out=8)
    generator = distill(settings, lines.append)
    assert lines[-1].metrics["psnr"] > 12
    figures = toy_world("faces").measure(generator, 4)
    assert {"psnr_db", "psnr_mouth_db", "yaw_pearson", "eyes_mae"} <= set(figures)


def test_every_world_has_a_recipe_and_no_other_is_known() -> None:
    assert set(RECIPES) == set(WORLDS)
    for name, recipe in RECIPES.items():
        settings = DistillSettings(output="runs/one", world=name)
        assert (settings.channels, settings.stages) == (recipe.channels, recipe.stages)
    with pytest.raises(ConfigError, match="world: unknown name 'cats'; known: faces, rooms"):
        toy_world("cats")
