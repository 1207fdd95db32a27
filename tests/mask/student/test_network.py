"""The U-Net's shapes, its size, and its form for inference."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from higan_cam.errors import ConfigError
from higan_cam.mask.student import StudentNetwork


def test_the_maps_have_half_the_pictures_side(network: StudentNetwork) -> None:
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 2, 16, 16)
    assert network.multiple == 8


def test_the_network_that_ships_has_at_most_two_million_parameters() -> None:
    assert sum(parameter.numel() for parameter in StudentNetwork().parameters()) <= 2_000_000


def test_folding_batch_normalisation_changes_no_answer(network: StudentNetwork) -> None:
    image = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        expected = network.eval()(image)
        folded = copy.deepcopy(network).for_inference()
        torch.testing.assert_close(folded(image), expected, atol=1e-4, rtol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not any(parameter.requires_grad for parameter in folded.parameters())


@pytest.mark.parametrize("channels", [(), (8,), (8, 0)])
def test_too_few_levels_or_features_are_refused(channels: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="channels"):
        StudentNetwork(channels)
