"""ResNet18: the published layout, and folding its batch normalisations changes nothing but the speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from higan_cam.label.resnet import ResNet18, fold_batch_norm


def lived_in(network: nn.Module) -> nn.Module:
    """The network in eval mode, its batch normalisations moved away from where they start."""
    draws = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias):
                assert tensor is not None
                tensor.data = 0.2 * torch.randn(tensor.shape, generator=draws)
            for tensor in (module.running_var, module.weight):
                assert tensor is not None
                tensor.data = 0.5 + torch.rand(tensor.shape, generator=draws)
    return network.eval()


@pytest.fixture
def network() -> ResNet18:
    torch.manual_seed(0)
    found = lived_in(ResNet18(width=8, classes=5))
    assert isinstance(found, ResNet18)
    return found


def images(count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_it_is_torchvisions_network() -> None:
    torch.manual_seed(0)
    reference = lived_in(resnet18(weights=None, num_classes=7))
    network = ResNet18(width=64, classes=7).eval()
    network.load_state_dict(reference.state_dict())
    torch.testing.assert_close(network(images()), reference(images()), atol=1e-5, rtol=1e-5)


def test_keys_and_shapes_are_those_of_places365(parity: Path) -> None:
    entries = json.loads((parity / "statedict_places365_resnet18.json").read_text())["entries"]
    own = {key: list(value.shape) for key, value in ResNet18(width=64, classes=365).state_dict().items()}
    assert own == {entry["key"]: entry["shape"] for entry in entries}


@torch.no_grad()
def test_folded_network_is_the_same_function(network: ResNet18) -> None:
    before = network(images())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fold_batch_norm(network).modules())
    torch.testing.assert_close(network(images()), before, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_folding_twice_changes_nothing(network: ResNet18) -> None:
    once = fold_batch_norm(network)(images())
    assert torch.equal(fold_batch_norm(network)(images()), once)


def test_folding_in_training_mode_is_refused(network: ResNet18) -> None:
    with pytest.raises(ValueError, match="eval mode"):
        fold_batch_norm(network.train())


@torch.no_grad()
def test_without_classes_the_output_is_the_features() -> None:
    network = ResNet18(width=8).eval()
    assert network(images()).shape == (2, 64)
    assert torch.equal(network(images()), network.features(images()))
