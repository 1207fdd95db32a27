"""The Places365 networks with hash weights against the recorded numbers (parity README, section 10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from higan_cam.label import ResNet18, load_places365_resnet18, load_scorer
from higan_cam.label.places365 import attribute_names, category_names
from tests.parity.hash_weights import write_places365

Arrays = dict[str, np.ndarray]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(scope="module")
def recorded(parity: Path) -> Arrays:
    with np.load(parity / "classifier.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def weights(parity: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_places365(parity, tmp_path_factory.mktemp("places365"))


@pytest.fixture(scope="module")
def network(weights: Path) -> ResNet18:
    return load_places365_resnet18(weights)


def prepared(image: np.ndarray) -> Tensor:
    """(H,W,3) uint8 -> (3,224,224), as Places365's own script prepares a picture."""
    transform = v2.Compose(
        [
            v2.ToPILImage(),
            v2.Resize((256, 256)),
            v2.CenterCrop(224),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    tensor: Tensor = transform(image)
    return tensor


def scene_prepared(images: np.ndarray) -> Tensor:
    """(N,H,W,3) uint8 -> (N,3,224,224), as the scene predictor prepares pictures: whole, resized on 8-bit values."""
    whole = v2.Compose([v2.ToPILImage(), v2.Resize((224, 224)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    return torch.stack([v2.functional.normalize(whole(image), MEAN, STD) for image in images])


@pytest.fixture(scope="module")
def inputs(parity: Path) -> Tensor:
    with np.load(parity / "stylegan_forward.npz", allow_pickle=False) as file:
        return torch.stack([prepared(image) for image in file["image_u8"]])


def assert_near(found: Any, expected: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=tolerance)


def test_inputs_agree(inputs: Tensor, recorded: Arrays) -> None:
    assert_near(inputs[:, :, ::32, ::32], recorded["a_input_probe"], 1e-5)
    assert_near(inputs.mean((1, 2, 3)), recorded["a_input_mean"], 1e-5)


def test_features_agree(network: ResNet18, inputs: Tensor, recorded: Arrays) -> None:
    assert_near(network.features(inputs), recorded["a_features"], 1e-4)


def test_logits_and_softmax_agree(network: ResNet18, inputs: Tensor, recorded: Arrays) -> None:
    logits = network(inputs)
    assert_near(logits, recorded["a_logits"], 1e-4)
    assert_near(logits.softmax(1), recorded["a_softmax"], 1e-5)


def test_a_picture_of_another_shape_agrees(network: ResNet18, recorded: Arrays) -> None:
    x = prepared(recorded["odd_image"])
    assert_near(x[:, ::16, ::16], recorded["odd_input_probe"], 1e-5)
    assert_near(network(x[None]), recorded["odd_logits"], 1e-4)


@pytest.fixture(scope="module")
def scene_inputs(parity: Path, recorded: Arrays) -> Tensor:
    with np.load(parity / "stylegan_forward.npz", allow_pickle=False) as file:
        found = scene_prepared(file["image_u8"])
    assert_near(found[:, :, ::32, ::32], recorded["b_input_probe"], 1e-5)
    return found


def test_the_scene_predictors_features_and_categories_agree(
    weights: Path, scene_inputs: Tensor, recorded: Arrays
) -> None:
    """With the category layer as published: HiGAN's own predictor sets its negative weights to 0 when it loads."""
    wide = load_places365_resnet18(weights, wide=True)
    assert_near(wide.features(scene_inputs), recorded["b_features"], 1e-4)
    found = wide(scene_inputs).softmax(1)
    assert_near(found, recorded["b_category_if_fc_not_clamped"], 1e-5)
    assert np.abs(found.numpy() - recorded["b_category"]).max() > 1e-3


@pytest.mark.parametrize("index", [0, 74, 76])
def test_scene_attributes_agree(weights: Path, scene_inputs: Tensor, recorded: Arrays, index: int) -> None:
    scorer: Any = load_scorer("places365", weights, target=attribute_names()[index])
    scorer.prepare = torch.nn.Identity()
    assert_near(scorer.score(scene_inputs), recorded["b_attribute"][:, index], 1e-4)


def test_a_whole_scorer_agrees_but_for_the_rounding_of_resized_pictures(
    parity: Path, weights: Path, recorded: Arrays
) -> None:
    """Ours resizes floats, so that the score has a gradient; PIL resizes and rounds 8-bit values."""
    with np.load(parity / "stylegan_forward.npz", allow_pickle=False) as file:
        images = torch.from_numpy(file["image_u8"]).permute(0, 3, 1, 2) / 127.5 - 1
    lighting = load_scorer("places365", weights, target="indoor lighting")
    spread = recorded["b_attribute"].std()
    assert_near(lighting.score(images), recorded["b_attribute"][:, 76], 0.01 * float(spread))
    bedroom = load_scorer("places365", weights, target=category_names()[52], output="probability")
    assert_near(bedroom.score(images), recorded["b_category_if_fc_not_clamped"][:, 52], 1e-4)
