"""The figures say what they claim on cases whose answer is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy import linalg

from higan_cam.label import LightingScorer
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.scene import LAMPS, Scene
from higan_cam.train.rooms.evaluate import frechet_distance, ghost_opacity, psnr, save_grid, scorer_metrics
from higan_cam.train.rooms.latents import held_out_latents
from higan_cam.types import FloatArray


def samples(mean: FloatArray, root: FloatArray, seed: int, count: int = 500) -> FloatArray:
    """(count,D) samples whose mean is exactly `mean` and whose covariance is exactly root root^T."""
    x = np.random.default_rng(seed).standard_normal((count, len(mean)))
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False)).T)
    moved: FloatArray = white @ root.T + mean
    return moved


def test_frechet_distance_of_axis_aligned_gaussians() -> None:
    left = samples(np.array([1.0, 0, 0]), np.diag([1.0, 2, 3]), 1)
    right = samples(np.array([0.0, 2, 0]), np.diag([2.0, 2, 1]), 2)
    assert frechet_distance(left, right) == pytest.approx(5 + 1 + 0 + 4, abs=1e-6)


def test_frechet_distance_of_turned_gaussians() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 4, 4))
    left, right = samples(np.zeros(4), a, 4), samples(np.ones(4), b, 5)
    # |m|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2, and that root's trace is the nuclear norm of a^T b.
    expected = 4 + np.square(a).sum() + np.square(b).sum() - 2 * linalg.svdvals(a.T @ b).sum()
    assert frechet_distance(left, right) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_is_symmetric_and_zero_for_the_same() -> None:
    left, right = samples(np.zeros(3), np.eye(3), 6), samples(np.ones(3), 2 * np.eye(3), 7)
    assert frechet_distance(left, left) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(left, right) == pytest.approx(frechet_distance(right, left))


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
