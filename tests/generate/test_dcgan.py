"""DCGAN against a scatter of its kernels, and what eval mode has to mean for batch norm."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.generate import DCGAN
from tests.generate.references import dcgan_image
from tests.support.generators import small_latent


def test_forward_equals_kernels_put_down_one_by_one(z: Tensor) -> None:
    generator = small_latent(DCGAN)
    expected = dcgan_image(generator.state_dict(), 0.2 * z)
    torch.testing.assert_close(generator(0.2 * z), expected)
    assert expected.std() > 0.1


def test_z_goes_in_as_it_is(z: Tensor) -> None:
    generator = small_latent(DCGAN)
    assert torch.equal(generator.map(z), z)
    assert not torch.equal(generator(0.1 * z), generator(0.2 * z))


def test_pictures_stay_within_the_range_of_tanh(z: Tensor) -> None:
    assert small_latent(DCGAN)(z).abs().max() <= 1


@pytest.mark.parametrize("size", [8, 128])
def test_layers_follow_from_the_resolution(size: int) -> None:
    generator = DCGAN(resolution=size, z_dim=4)
    assert generator.layer_resolutions[0] == 4
    assert generator.layer_resolutions[-1] == size // 2
    assert generator.channels[-1] == 64


def test_channels_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match=r"channels needs 3 counts >= 1 \(4 to 16 px\), got \(8, 8\)"):
        DCGAN(resolution=32, channels=(8, 8))
