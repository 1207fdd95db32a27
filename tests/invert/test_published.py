"""Published optimisers, step by step: recorded codes, losses and rates of higan_dev, and what the others start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config.pictures import InvertConfig
from higan_cam.errors import ConfigError
from higan_cam.invert import CodeStatistics, invert_pictures
from higan_cam.invert.inversion import make_problem
from higan_cam.invert.published import RECIPES, as_published
from higan_cam.losses import make_losses
from tests.support.tiny_generator import TinyGenerator, tiny_statistics_mean

RECORDED = Path(__file__).resolve().parents[3] / "shared/reference2/saliency.npz"
WITHOUT_NETWORKS = make_losses({"pixel": 1.0, "total_variation": 1e-4})
"""What the recorded traces minimise: higan_dev's losses but for LPIPS."""


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray[Any, Any]]:
    if not RECORDED.is_file():
        pytest.skip(f"{RECORDED} is absent")
    with np.load(RECORDED, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name.startswith(("invert_", "codes", "leaky_images"))}


@pytest.fixture
def tiny() -> TinyGenerator:
    return TinyGenerator()


@pytest.fixture
def around_its_mean(tiny: TinyGenerator) -> CodeStatistics:
    mean = tiny_statistics_mean(tiny)
    return CodeStatistics(mean, torch.full_like(mean, 0.5), 0)


def test_the_tiny_generator_is_the_recorded_one(tiny: TinyGenerator, recorded: dict[str, np.ndarray[Any, Any]]) -> None:
    image = tiny.synthesize(torch.from_numpy(recorded["codes"]))[0]
    np.testing.assert_allclose(image, recorded["leaky_images"], atol=1e-5)
    np.testing.assert_allclose(tiny.mean_code, recorded["invert_w_avg"], atol=1e-7)


@pytest.mark.parametrize(("steps", "rate"), [(40, 0.05), (12, 0.3)])
def test_higan_dev_goes_the_recorded_way(
    tiny: TinyGenerator,
    around_its_mean: CodeStatistics,
    recorded: dict[str, np.ndarray[Any, Any]],
    steps: int,
    rate: float,
) -> None:
    config = InvertConfig(published="higan_dev", steps=steps, rate=rate, precision="float32", align=False)
    problem = make_problem(tiny, replace_losses(config), around_its_mean)
    problem = replace(problem, config=config, losses=WITHOUT_NETWORKS)
    found = as_published(problem, torch.from_numpy(recorded["invert_target"]))
    name = f"invert_steps{steps}_lr{rate}"
    np.testing.assert_allclose(found.w_plus, recorded[f"{name}_wp"], atol=1e-4)
    np.testing.assert_allclose(found.trace[0, :-1], recorded[f"{name}_total"], rtol=1e-5)
    assert found.best.tolist() == [steps], "the last code, not the best"


def replace_losses(config: InvertConfig) -> InvertConfig:
    """The same without a recipe, whose losses need files."""
    return config.model_copy(update={"published": None, "method": "optimise"})


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_descends_from_its_own_start(
    name: str, tiny: TinyGenerator, around_its_mean: CodeStatistics
) -> None:
    with torch.no_grad():
        target = tiny.synthesize(tiny_statistics_mean(tiny)[None] + 0.4)[0]
    config = InvertConfig(published=name, steps=30, precision="float32")
    problem = make_problem(tiny, replace_losses(config), around_its_mean)
    found = as_published(replace(problem, config=config, losses=WITHOUT_NETWORKS), target)
    assert found.w_plus.shape == (1, 4, 8)
    assert found.camera is None
    assert found.trace[0, -1] < found.trace[0, 0]


def test_projector_finds_one_code_for_all_rows_and_takes_the_same_noise_for_all(
    tiny: TinyGenerator, around_its_mean: CodeStatistics
) -> None:
    with torch.no_grad():
        targets = tiny.synthesize(torch.stack([tiny_statistics_mean(tiny) + shift for shift in (0.2, -0.3)]))[0]
    config = InvertConfig(published="projector", steps=20, precision="float32")
    problem = make_problem(tiny, replace_losses(config), around_its_mean)
    problem = replace(problem, config=config, losses=WITHOUT_NETWORKS)
    together, alone = as_published(problem, targets), as_published(problem, targets[1:])
    assert equal_rows(together.w_plus)
    torch.testing.assert_close(together.w_plus[1], alone.w_plus[0], atol=1e-4, rtol=1e-4)


def equal_rows(w_plus: Tensor) -> bool:
    return bool((w_plus == w_plus[:, :1]).all())


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("higan_dev", "AlexNet"), ("image2stylegan", "VGG16"), ("encoder_notebook", "VGG16"), ("projector", "VGG16")],
)
def test_networks_that_a_recipe_looks_through_come_from_files(
    name: str, lacking: str, tiny: TinyGenerator, around_its_mean: CodeStatistics
) -> None:
    with pytest.raises(ConfigError, match=lacking):
        invert_pictures(tiny, torch.zeros(1, 3, 16, 16), InvertConfig(published=name), around_its_mean)


def test_an_unknown_recipe_is_named(tiny: TinyGenerator, around_its_mean: CodeStatistics) -> None:
    with pytest.raises(ConfigError, match=r"invert\.published: unknown name 'higandev'.*Did you mean 'higan_dev'"):
        invert_pictures(tiny, torch.zeros(1, 3, 16, 16), InvertConfig(published="higandev"), around_its_mean)
