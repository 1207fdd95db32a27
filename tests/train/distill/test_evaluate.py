"""The figures say what they claim on cases whose answer is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from higan_cam.label import LightingScorer
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.scene import LAMPS, Scene
from higan_cam.train.distill.evaluate import ghost_opacity, psnr, save_grid, scorer_metrics
from higan_cam.train.distill.latents import held_out_latents


@pytest.fixture(scope="module")
def one_missing() -> Scene:
    """Eight rooms with every lamp but one each."""
    scene = scene_of(held_out_latents(len(LAMPS)))
    return replace(scene, layout=np.rint(scene.layout), present=1 - np.eye(len(LAMPS), dtype=np.float32))


def test_renders_have_no_ghosts(one_missing: Scene) -> None:
    truth = render(one_missing, 64)
    assert ghost_opacity(truth, one_missing, truth) == {"ghost_opacity": 0.0, "ghost_opacity_abs": 0.0}


def test_the_render_with_the_lamp_is_a_whole_ghost(one_missing: Scene) -> None:
    truth = render(one_missing, 64)
    complete = render(replace(one_missing, present=np.ones_like(one_missing.present)), 64)
    found = ghost_opacity(complete, one_missing, truth)
    assert found["ghost_opacity"] == pytest.approx(1, abs=1e-4)
    assert found["ghost_opacity_abs"] == pytest.approx(1, abs=1e-4)


def test_half_a_lamp_too_many_and_half_too_few_cancel_only_in_the_mean(one_missing: Scene) -> None:
    truth = render(one_missing, 64)
    change = render(replace(one_missing, present=np.ones_like(one_missing.present)), 64) - truth
    signs = torch.tensor([1.0, -1.0] * (len(LAMPS) // 2)).view(-1, 1, 1, 1)
    found = ghost_opacity(truth + 0.5 * signs * change, one_missing, truth)
    assert found["ghost_opacity"] == pytest.approx(0, abs=1e-4)
    assert found["ghost_opacity_abs"] == pytest.approx(0.5, abs=1e-4)


def test_a_scorer_agrees_with_its_own_scores() -> None:
    torch.manual_seed(0)
    scorer, images = LightingScorer(4, 32).eval(), torch.rand(20, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        levels = scorer.score(images).numpy()
    found = scorer_metrics(scorer, images, levels)
    assert found == pytest.approx({"pearson": 1.0, "spearman": 1.0, "mae": 0.0}, abs=1e-5)
    assert scorer_metrics(scorer, images, -levels)["spearman"] == pytest.approx(-1.0)


def test_a_grid_shows_its_rows_in_order(tmp_path: Path) -> None:
    black, white = -torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    white[:, 2] = -1
    save_grid(tmp_path / "new" / "grid.png", [black, white])
    found = cv2.imread(str(tmp_path / "new" / "grid.png"))
    assert found is not None
    grid = cv2.cvtColor(found, cv2.COLOR_BGR2RGB)
    assert grid.shape == (8, 8, 3)
    assert not grid[:4].any()
    np.testing.assert_array_equal(grid[4:].reshape(-1, 3), np.tile([255, 255, 0], (32, 1)))


@pytest.mark.parametrize("error", [0.2, -0.2])
def test_psnr_is_against_a_peak_of_two(error: float) -> None:
    assert psnr(torch.full((2, 3, 4, 4), error)) == pytest.approx(20.0, abs=1e-5)
    assert psnr(torch.full((1,), 2.0)) == pytest.approx(0.0)


def test_psnr_of_no_error_is_finite() -> None:
    assert math.isfinite(psnr(torch.zeros(3)))
