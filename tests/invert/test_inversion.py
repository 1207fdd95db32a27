"""From pictures to codes: the generator's own pictures can be drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from higan_cam.config.pictures import InvertConfig
from higan_cam.errors import ConfigError
from higan_cam.generate import DCGAN, PGGAN, StyleGAN2, sample_latents
from higan_cam.invert import CodeStatistics, Inversion, code_statistics, invert_pictures, joined
from tests.support.generators import small_latent
from tests.support.scorers import SmoothScore

EXACT = {"precision": "float32", "align": False}


@dataclass
class NearEncoder:
    """Guesses codes that are off by half a deviation."""

    truth: Tensor
    statistics: CodeStatistics

    def codes(self, image: Tensor) -> Tensor:
        return self.truth[: len(image)] + 0.5 * self.statistics.spread


def test_own_pictures_are_drawn_again(generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor) -> None:
    found = invert_pictures(generator, pictures, InvertConfig(method="optimise", steps=100, **EXACT), statistics)
    assert found.psnr.min() > 40
    with torch.no_grad():
        drawn = generator.synthesize(torch.from_numpy(found.w_plus))[0].clamp(-1, 1)
    error = (drawn - pictures).square().mean(dim=(1, 2, 3))
    np.testing.assert_allclose(found.psnr, 10 * np.log10(4 / error.numpy()), rtol=1e-3)


def test_a_guess_is_taken_as_it_is_or_made_better(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor, codes: Tensor
) -> None:
    encoder = NearEncoder(codes, statistics)
    guessed, better = (
        invert_pictures(generator, pictures, InvertConfig(method=method, **EXACT), statistics, encoder)
        for method in ("encoder", "hybrid")
    )
    np.testing.assert_allclose(guessed.w_plus, encoder.codes(pictures), atol=1e-5)
    assert (better.psnr > guessed.psnr + 10).all()
    assert (guessed.steps.tolist(), better.steps.tolist()) == ([0] * 3, [25] * 3)


def test_samples_lie_about_one_deviation_out_and_have_equal_rows(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor, codes: Tensor
) -> None:
    encoder = NearEncoder(codes - 0.5 * statistics.spread, statistics)
    found = invert_pictures(generator, pictures, InvertConfig(method="encoder", **EXACT), statistics, encoder)
    assert ((found.distance > 0.5) & (found.distance < 1.6)).all()
    assert (found.delta < 1e-6).all()


def test_neighbours_in_the_batch_change_no_more_than_rounding(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor
) -> None:
    config = InvertConfig(method="optimise", steps=30, **EXACT)
    together = invert_pictures(generator, pictures, config, statistics)
    for row in range(len(pictures)):
        alone = invert_pictures(generator, pictures[row : row + 1], config, statistics)
        np.testing.assert_allclose(alone.w_plus[0], together.w_plus[row], atol=1e-3)
        np.testing.assert_allclose(alone.psnr[0], together.psnr[row], atol=1e-2)


def test_batches_are_joined_in_order(generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor) -> None:
    config = InvertConfig(method="optimise", steps=5, micro_batch=2, **EXACT)
    found = invert_pictures(generator, pictures, config, statistics)
    last = invert_pictures(generator, pictures[2:], config, statistics)
    np.testing.assert_array_equal(found.w_plus[2], last.w_plus[0])
    assert len(found) == len(found.verdict) == 3


def test_more_starts_are_never_worse(generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor) -> None:
    one, three = (
        invert_pictures(generator, pictures, InvertConfig(method="optimise", steps=30, starts=n, **EXACT), statistics)
        for n in (1, 3)
    )
    assert (three.psnr >= one.psnr - 0.05).all()


def test_the_scorer_judges_picture_and_reconstruction(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor
) -> None:
    config = InvertConfig(method="optimise", steps=60, **EXACT)
    found = invert_pictures(generator, pictures, config, statistics, scorer=SmoothScore())
    np.testing.assert_allclose(found.score, found.score_picture, atol=0.02)
    assert np.isnan(found.feature_distance).all(), "a scorer without features"
    assert np.isnan(invert_pictures(generator, pictures, config, statistics).score).all(), "no scorer"


def test_inference_mode_and_half_precision_are_no_hindrance(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor
) -> None:
    with torch.inference_mode():
        copies = pictures.clone()
        found = invert_pictures(generator, copies, InvertConfig(method="optimise", steps=40, align=False), statistics)
    assert found.psnr.min() > 25
    assert found.w_plus.dtype == np.float32


@pytest.mark.parametrize("factory", [PGGAN, DCGAN])
def test_generators_without_w_are_inverted_in_z(factory: type[PGGAN] | type[DCGAN]) -> None:
    generator = small_latent(factory).float()
    latents = torch.from_numpy(sample_latents(range(2), 7, generator.z_dim))
    with torch.no_grad():
        pictures = generator.synthesize(generator.truncate(generator.map(latents)))[0]
        scale = float(pictures.abs().max().clamp(min=1))
        pictures = pictures / scale if factory is DCGAN else pictures
    statistics = code_statistics(generator, samples=500)
    before, after = (
        invert_pictures(generator, pictures, InvertConfig(method="optimise", steps=n, **EXACT), statistics)
        for n in (0, 150)
    )
    assert after.w_plus.shape == (2, 1, 16)
    assert (after.psnr > before.psnr + 3).all()


def test_a_generator_that_is_dead_at_the_mean_latent_is_inverted_all_the_same() -> None:
    generator = small_latent(DCGAN).float()
    assert isinstance(generator, DCGAN)
    first, norm = generator.main[0], generator.main[1]
    assert isinstance(first, nn.ConvTranspose2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        norm.running_mean.zero_()
        norm.running_var.copy_(first.weight.square().sum(dim=(0, 2, 3)) / 16)
        norm.weight.fill_(1)
        norm.bias.fill_(-0.5)
        latents = torch.from_numpy(sample_latents(range(2), 7, generator.z_dim))
        pictures = generator.synthesize(generator.truncate(latents))[0]
        assert not torch.relu(norm(first(torch.zeros(1, 16, 1, 1)))).any(), "no unit of the first layer is awake at 0"
    statistics = code_statistics(generator, samples=500)
    config = InvertConfig(method="optimise", steps=100, **EXACT)
    found = invert_pictures(generator, pictures, config, statistics)
    assert (found.best_step > 0).all()
    assert (found.psnr > 20).all()


def test_what_is_missing_or_misspelt_is_said(
    generator: StyleGAN2, statistics: CodeStatistics, pictures: Tensor
) -> None:
    def invert(**settings: object) -> Inversion:
        return invert_pictures(generator, pictures, InvertConfig.model_validate(settings), statistics)

    with pytest.raises(ConfigError, match=r"invert\.method=hybrid begins with an encoder's guess"):
        invert()
    with pytest.raises(ConfigError, match=r"invert\.method: unknown name 'optimize'.*Did you mean 'optimise'"):
        invert(method="optimize")
    with pytest.raises(ConfigError, match=r"invert\.losses: unknown name 'pixels'.*Did you mean 'pixel'"):
        invert(method="optimise", losses={"pixels": 1})
    with pytest.raises(ValueError, match=r"pictures must be \(N,3,32,32\)"):
        invert_pictures(generator, pictures[:, :, :16], InvertConfig(method="optimise"), statistics)
    with pytest.raises(ValueError, match="at least one part"):
        joined([])
