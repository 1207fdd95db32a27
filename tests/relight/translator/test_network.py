"""The translator's network: the same after training as in it, and blind beyond its reach."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from higan_cam.errors import ConfigError
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.relight.translator.norms import NORMS, Statistics


def seen(side: int = 32, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(count, 3, side, side) * 2 - 1, (torch.rand(count, 1, side, side) < 0.1).float()


@pytest.mark.parametrize("norm", list(NORMS))
def test_it_answers_in_training_as_after_it_and_each_picture_by_itself(norm: str) -> None:
    network, (pictures, masks) = TranslatorNetwork((8, 8, 16), norm), seen()
    learning, done = network.train()(pictures, masks), network.eval()(pictures, masks)
    assert torch.equal(learning, done)
    assert torch.allclose(done[:1], network(pictures[:1], masks[:1]), atol=1e-6)


def test_light_is_never_below_nothing() -> None:
    network, (pictures, masks) = TranslatorNetwork((8, 8)), seen()
    nn.init.constant_(network.head.bias, -3)  # type: ignore[arg-type]
    light = network(pictures, masks).detach()
    assert 0 <= float(light.min()) < 1e-3


def test_a_pixel_has_no_say_beyond_the_reach_and_nearly_as_far_it_has() -> None:
    torch.manual_seed(0)
    network = TranslatorNetwork((8, 8, 8)).double()
    side = 2 * network.reach + 64
    pictures, masks = torch.zeros(1, 3, side, side).double(), torch.zeros(1, 1, side, side).double()
    statistics = Statistics()
    network(pictures, masks, statistics=statistics)
    furthest = 0
    for at in range(side // 2, side // 2 + network.multiple):  # it depends on where in a coarse pixel one is
        other = pictures.clone()
        other[..., at] += 1
        change = network(other, masks, statistics=statistics.again()) - network(
            pictures, masks, statistics=statistics.again()
        )
        columns = torch.nonzero(change.abs().amax(dim=(0, 1, 2)))[:, 0]
        furthest = max(furthest, int((columns - at).abs().max()))
    assert network.reach - 2 * network.multiple < furthest <= network.reach


def test_group_norm_is_that_of_torch_and_its_statistics_are_those_that_it_would_take() -> None:
    torch.manual_seed(0)
    x, ours, theirs = torch.randn(2, 16, 5, 6) * 3 + 1, NORMS["group"](16), nn.GroupNorm(8, 16)
    nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    statistics = Statistics()
    for found in (ours(x), ours(x, statistics), ours(x, statistics.again())):
        assert torch.allclose(found, theirs(x), atol=1e-5)
    assert not torch.allclose(ours(2 * x, statistics.again()), theirs(2 * x), atol=1e-2)


def test_a_dial_begins_by_changing_nothing_and_then_is_heard() -> None:
    torch.manual_seed(0)
    network, (pictures, masks) = TranslatorNetwork((8, 8), dial=True), seen()
    low, high = torch.full((2,), 0.2), torch.full((2,), 2.0)
    assert torch.equal(network(pictures, masks, low), network(pictures, masks, high))
    assert network.first.dial is not None
    nn.init.normal_(network.first.dial.weight)
    assert not torch.allclose(network(pictures, masks, low), network(pictures, masks, high))


def test_what_is_missing_and_what_does_not_fit_is_said() -> None:
    pictures, masks = seen()
    with pytest.raises(ValueError, match="mask or a gain"):
        TranslatorNetwork((8, 8))(pictures)
    with pytest.raises(ValueError, match="mask or a gain"):
        TranslatorNetwork((8, 8), dial=True)(pictures, masks)
    with pytest.raises(ConfigError, match="two levels"):
        TranslatorNetwork((8,))
    with pytest.raises(ConfigError, match="8 groups"):
        TranslatorNetwork((8, 12))
    with pytest.raises(ConfigError, match="norm"):
        TranslatorNetwork((8, 8), "batch")
