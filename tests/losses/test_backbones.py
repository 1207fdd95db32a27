"""VGG16 and AlexNet out of files as users have them; what does not fit is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision import models

from higan_cam.errors import WeightsError
from higan_cam.losses.backbones import VGG16_LAYERS, Trunk, TrunkFeatures, as_imagenet, load_trunk
from higan_cam.weights.files import save_tensors
from tests.losses.networks import drawn_trunk
from tests.support.reference2 import draw

Files = dict[str, str | Path]


def test_layers_have_the_names_of_the_paper() -> None:
    """A block of VGG16 ends with a pooling; its convolutions count from 1, each with the activation behind it."""
    block, inside, found = 1, 0, {}
    for number, layer in enumerate(Trunk("vgg16").features):
        if isinstance(layer, torch.nn.Conv2d):
            inside += 1
        elif isinstance(layer, torch.nn.ReLU):
            found[f"relu{block}_{inside}"] = number
        else:
            block, inside = block + 1, 0
    assert found == VGG16_LAYERS


def test_features_are_those_of_torchvisions_network(files: Files) -> None:
    trunk = load_trunk("alexnet", files["alexnet"])
    network = models.alexnet(weights=None).features
    network.load_state_dict({key.removeprefix("features."): value for key, value in drawn_trunk_alexnet().items()})
    picture = draw("alexnet/picture", (2, 3, 64, 64))
    features = TrunkFeatures(trunk, (1, 12), as_imagenet)
    first, last = features(picture)
    torch.testing.assert_close(last, network(as_imagenet(picture)))
    torch.testing.assert_close(first, network[:2](as_imagenet(picture)))


def drawn_trunk_alexnet() -> dict[str, torch.Tensor]:
    return drawn_trunk("alexnet", "alexnet.{name}")


def test_wrappers_are_looked_through_and_files_of_torch_read(tmp_path: Path) -> None:
    tensors = drawn_trunk_alexnet()
    wrapped = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in tensors.items()}}
    torch.save(wrapped, tmp_path / "alexnet.pth")
    found = load_trunk("alexnet", tmp_path / "alexnet.pth")
    assert all(torch.equal(found.state_dict()[key], value) for key, value in tensors.items())


def test_a_loaded_network_does_not_learn(files: Files) -> None:
    trunk = load_trunk("alexnet", files["alexnet"])
    assert not trunk.training
    assert not any(parameter.requires_grad for parameter in trunk.parameters())


def test_a_file_of_another_network_is_refused(files: Files, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"alexnet\.safetensors: does not fit Trunk: 22 missing keys"):
        load_trunk("vgg16", files["alexnet"])
    save_tensors(tmp_path / "other.safetensors", {"a.weight": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match=r"26 missing keys, e\.g\. features\.0\.bias"):
        load_trunk("vgg16", tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="no such weights file"):
        load_trunk("vgg16", tmp_path / "nothing.pth")
