"""ProGAN against the paper's equations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from higan_cam.generate import PGGAN
from tests.generate.references import pggan_image
from tests.support.generators import small_latent


def test_forward_equals_the_papers_table(z: Tensor) -> None:
    generator = small_latent(PGGAN)
    expected = pggan_image(generator.state_dict(), z)
    assert (generator(z) - expected).abs().max() < 1e-9 * expected.abs().max()


def test_codes_have_length_sqrt_z_dim(z: Tensor) -> None:
    torch.testing.assert_close(small_latent(PGGAN).map(z).norm(dim=1), torch.full((3,), 4.0, dtype=torch.float64))


def test_an_edited_code_is_normalised_on_the_way_in(z: Tensor) -> None:
    generator = small_latent(PGGAN)
    code = generator.truncate(generator.map(z)) + 1
    torch.testing.assert_close(generator.synthesize(2 * code)[0], generator.synthesize(code)[0])


def test_taps_are_pixel_normalised_features(z: Tensor) -> None:
    generator = small_latent(PGGAN)
    _, features = generator.synthesize(generator.truncate(z), taps=range(8))
    for value in features.values():
        power = value.square().mean(dim=1)
        torch.testing.assert_close(power, torch.ones_like(power), rtol=1e-4, atol=1e-4)


def test_initial_images_have_unit_power() -> None:
    torch.manual_seed(0)
    image = PGGAN(resolution=64, z_dim=64, channels=(64,) * 5)(torch.randn(8, 64))
    assert math.isclose(image.square().mean().item(), 1.0, rel_tol=0.5)
