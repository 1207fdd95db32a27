"""Discriminators: any side, twice differentiable, and the spread over a group tells samples that are all alike."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from higan_cam.train.gan.discriminators import EqualConv, PlainDiscriminator, ResidualDiscriminator, with_spread


def build(kind: str, side: int) -> nn.Module:
    torch.manual_seed(0)
    levels = side.bit_length() - 2
    return ResidualDiscriminator([8] * levels) if kind == "residual" else PlainDiscriminator([8] * (levels - 1))


@pytest.mark.parametrize("side", [8, 32])
@pytest.mark.parametrize("kind", ["residual", "plain"])
def test_pictures_become_a_logit_each_and_gradients_of_gradients_reach_every_weight(kind: str, side: int) -> None:
    network = build(kind, side)
    images = torch.randn(4, 3, side, side, requires_grad=True)
    logits = network(images)
    assert logits.shape == (4,)
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    gradient.square().sum().backward()
    weights = [parameter for name, parameter in network.named_parameters() if "bias" not in name]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in weights)


def test_the_spread_is_that_of_the_group_and_0_where_all_are_alike() -> None:
    x = torch.randn(8, 5, 4, 4, generator=torch.Generator().manual_seed(1))
    maps = with_spread(x)[:, 5]
    for group in (slice(0, 4), slice(4, 8)):
        expected = x[group].std(dim=0, correction=0).mean()
        torch.testing.assert_close(maps[group], expected.expand(4, 4, 4), rtol=1e-4, atol=1e-5)
    assert with_spread(x[:1].expand(4, -1, -1, -1))[:, 5].max() < 2e-4


def test_a_group_does_not_see_the_others() -> None:
    x = torch.randn(8, 5, 4, 4)
    torch.testing.assert_close(with_spread(x)[:4], with_spread(x[:4]))


@pytest.mark.parametrize("size", [1, 3])
def test_halving_keeps_a_constant_and_halves_the_side(size: int) -> None:
    convolution = EqualConv(1, 1, size, down=True, activated=False)
    with torch.no_grad():
        convolution.weight.fill_(1 / (convolution.scale * size * size))
        found = convolution(torch.ones(1, 1, 12, 12))
    assert found.shape == (1, 1, 6, 6)
    torch.testing.assert_close(found[:, :, 2:4, 2:4], torch.ones(1, 1, 2, 2))


@pytest.mark.parametrize(("kind", "number"), [("residual", 3), ("plain", 3)])
def test_layers_that_halve_are_told_from_the_picture_on(kind: str, number: int) -> None:
    network = build(kind, 32)
    assert isinstance(network, ResidualDiscriminator | PlainDiscriminator)
    layers = network.halving()
    kept = [parameter for layer in layers for parameter in layer.parameters()]
    assert len(layers) == number
    assert next(layers[0].parameters()).shape[1] == 3
    others = {name for name, each in network.named_parameters() if all(each is not one for one in kept)}
    assert {name.split(".")[0] for name in others} <= {"last", "hidden", "logit"}
