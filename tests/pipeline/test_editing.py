"""Edited, mixed and interpolated codes are those that were asked for, and each picture says which it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.config import RunConfig, load_config
from higan_cam.errors import ConfigError
from higan_cam.generate import PGGAN, StyleGAN
from higan_cam.pipeline import Models, load_models
from higan_cam.pipeline.editing import (
    between,
    mixed,
    moved,
    pictures,
    sampled,
)
from higan_cam.types import Boundary
from tests.support.generators import small, small_latent


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A random StyleGAN of 8 rows, judged by its luminance."""
    path = tmp_path_factory.mktemp("editing") / "g.pth"
    torch.save(small(StyleGAN).float().state_dict(), path)
    return load_config(None, [f"generator.weights={path}", "scorer.name=luminance", "label.micro_batch=4"])


@pytest.fixture(scope="module")
def models(config: RunConfig) -> Models:
    """Its networks."""
    return load_models(config)


def boundary_of(axis: int, layers: tuple[int, ...], dimension: int = 24, **changes: str) -> Boundary:
    normal = np.eye(dimension, dtype=np.float32)[axis]
    return Boundary(normal, 0.0, "z" if changes.get("space") == "z" else "w", layers, f"b{axis}")


def test_samples_move_by_distance_weight_and_strength_on_the_boundarys_rows(config: RunConfig, models: Models) -> None:
    shown = moved(models, config, [(boundary_of(3, (2, 5)), 2.0)], (7, 0), (-1.5, 0.0, 4.0))
    change = shown.codes - sampled(models, config, (7, 0))[:, None]
    assert shown.headings == ["sample 7", "sample 0"]
    assert shown.captions[0] == ["-1.5", "0 (original)", "+4"]
    strength = models.generator.edit_strength
    torch.testing.assert_close(change[1, 2, 2, 3], torch.tensor(8 * strength[2]))
    torch.testing.assert_close(change[0, 0, 5, 3], torch.tensor(-3 * strength[5]))
    assert change[:, 1].eq(0).all()
    assert change[:, :, [0, 1, 3, 4, 6, 7]].eq(0).all()


def test_layers_of_the_configuration_take_the_place_of_the_boundarys(config: RunConfig, models: Models) -> None:
    chosen = config.model_copy(update={"edit": config.edit.model_copy(update={"layers": "0"})})
    shown = moved(models, chosen, [(boundary_of(3, (2, 5)), 1.0)], (0,), (1.0,))
    change = shown.codes[:, 0] - sampled(models, config, (0,))
    assert change[0].abs().sum(dim=1).nonzero().flatten().tolist() == [0]


def test_mixing_shows_both_sources_and_both_orders(config: RunConfig, models: Models) -> None:
    strip = mixed(models, config, (4, 9), (0, 1, 2)).codes[0]
    a, b = sampled(models, config, (4, 9))
    assert torch.equal(strip[0], a)
    assert torch.equal(strip[3], b)
    assert torch.equal(strip[1], torch.cat([b[:3], a[3:]]))
    assert torch.equal(strip[2], torch.cat([a[:3], b[3:]]))


def test_interpolation_includes_both_ends(config: RunConfig, models: Models) -> None:
    shown = between(models, config, (4, 9), 3)
    a, b = sampled(models, config, (4, 9))
    torch.testing.assert_close(shown.codes[0], torch.stack([a, (a + b) / 2, b]))
    assert shown.captions == [["0%", "50%", "100%"]]


def test_pictures_are_the_generators_with_the_score_of_each(config: RunConfig, models: Models) -> None:
    strips = pictures(models, config, between(models, config, (4, 9), 3), scores=True)
    (strip,) = strips
    images = torch.from_numpy(np.stack(strip.pictures)).permute(0, 3, 1, 2) / 127.5 - 1
    assert [caption[0] for caption in strip.captions] == ["0%", "50%", "100%"]
    written = [float(caption[1].removeprefix("luminance ")) for caption in strip.captions]
    assert written == pytest.approx(models.scorer.score(images).tolist(), abs=0.02)
    (bare,) = pictures(models, config, between(models, config, (4, 9), 3), scores=False)
    assert bare.captions == [("0%",), ("50%",), ("100%",)]


def test_a_boundary_in_z_moves_only_generators_without_w(config: RunConfig, models: Models, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lies in z, before the mapping network"):
        moved(models, config, [(boundary_of(0, (0,), space="z"), 1.0)], (0,), (1.0,))
    torch.save(small_latent(PGGAN).float().state_dict(), tmp_path / "p.pth")
    other = load_config(None, [f"generator.weights={tmp_path / 'p.pth'}", "scorer.name=luminance"])
    plain = load_models(other)
    shown = moved(plain, other, [(boundary_of(0, (0,), 16, space="z"), 1.0)], (0,), (0.0, 2.0))
    torch.testing.assert_close(shown.codes[0, 1] - shown.codes[0, 0], 2 * torch.eye(16)[:1])
    with pytest.raises(ConfigError, match="one row, so there is nothing to mix"):
        mixed(plain, other, (0, 1), (0,))


def test_a_sheet_has_a_limit(config: RunConfig, models: Models) -> None:
    with pytest.raises(ConfigError, match="a sheet holds 1024 at most"):
        pictures(models, config, moved(models, config, [(boundary_of(0, (0,)), 1.0)], range(600), (0, 1)), scores=False)
