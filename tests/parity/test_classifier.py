"""The Places365 ResNet18 with hash weights against the recorded numbers (parity README, section 10 a)."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from higan_cam.label import ResNet18, load_places365_resnet18
from tests.parity.hash_weights import hash_tensor

Arrays = dict[str, np.ndarray]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(scope="module")
def recorded(parity: Path) -> Arrays:
    with np.load(parity / "classifier.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def network(parity: Path, tmp_path_factory: pytest.TempPathFactory) -> ResNet18:
    """Loaded as a user would: from a file in the published layout."""
    record = json.loads((parity / "classifier.json").read_text())
    tensors = {}
    for entry in record["entries"]:
        if entry["key"].startswith("W_"):
            continue
        drawn = hash_tensor(entry["key"], tuple(entry["shape"]), 1.0, record["salt"])
        drawn = np.abs(drawn) if entry["abs"] else drawn
        array = np.float32(entry["offset"]) + drawn * np.float32(entry["scale"])
        if zlib.crc32(np.ascontiguousarray(array, "<f4").tobytes()) != entry["crc32"]:
            raise ValueError(f"numpy's standard_normal stream changed: checksum of {entry['key']} differs")
        tensors[f"module.{entry['key']}"] = torch.from_numpy(array)
    path = tmp_path_factory.mktemp("places365") / "resnet18_places365.pth"
    torch.save({"epoch": 90, "arch": "resnet18", "state_dict": tensors, "best_prec1": 0.0}, path)
    return load_places365_resnet18(path)


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
