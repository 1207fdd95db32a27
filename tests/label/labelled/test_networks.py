"""The classifiers, the published ones against recorded figures (shared/reference2, section 8)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.label.labelled.networks import BACKBONES, Classifier, Embedding, SmallCnn, make_classifier
from higan_cam.weights.efficientnet_lite0 import EfficientNetLite0
from tests.support.reference2 import checked, draw, signed_picture


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    if not (shared / "reference2").is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return shared / "reference2"


def published(folder: Path, name: str) -> Classifier:
    """The classifier with regenerated weights."""
    record: dict[str, Any] = json.loads((folder / "weights_nets.json").read_text())[name]
    tensors = {}
    for key, entry in record.items():
        value = entry["offset"] + torch.tensor(entry["scale"]) * draw(f"{name}.{key}", entry["shape"])
        tensors[key] = checked(key, value, entry["crc32"])
    classifier = make_classifier(name, 256).eval()
    classifier.network.load_state_dict(tensors)
    return classifier


@pytest.mark.parametrize("name", ["gender_cnn", "quality_cnn"])
def test_published_classifiers_give_the_recorded_figures(name: str, folder: Path) -> None:
    with np.load(folder / "nets.npz", allow_pickle=False) as stored:
        arrays = {key: torch.from_numpy(stored[key]) for key in stored.files if key.startswith(name)}
    params = json.loads((folder / "nets.json").read_text())
    pictures = torch.cat([signed_picture(each, 256) for each in params["picture_params"]])
    classifier = published(folder, name)
    assert sum(p.numel() for p in classifier.parameters()) == params[name]["parameters"]
    with torch.inference_mode():
        logits = classifier(pictures)
        features = cast(SmallCnn, classifier.network).features(classifier.prepare(pictures))
        unprepared = torch.sigmoid(classifier.network(pictures))
    torch.testing.assert_close(logits, arrays[f"{name}_logit"][:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.sigmoid(logits), arrays[f"{name}_probability"][:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(features, arrays[f"{name}_fc1"], atol=1e-4, rtol=0)
    torch.testing.assert_close(unprepared, arrays[f"{name}_probability_if_fed_minus1_to_1"], atol=1e-4, rtol=0)


def test_pictures_of_another_size_are_resized_whole() -> None:
    classifier = make_classifier("resnet18", 32, width=4).eval()
    flat = torch.full((1, 3, 32, 32), 0.25)
    torch.testing.assert_close(classifier(flat), classifier(flat.new_full((1, 3, 50, 70), 0.25)))
    wide = torch.zeros(1, 3, 50, 70, requires_grad=True)
    classifier.prepare(wide).sum().backward()
    assert wide.grad is not None
    assert bool((wide.grad > 0).all())  # nothing is cut off


@pytest.mark.parametrize(("name", "side"), [("gender_cnn", 95), ("quality_cnn", 157)])
def test_pictures_too_small_for_a_published_classifier_are_refused(name: str, side: int) -> None:
    with pytest.raises(ConfigError, match="too few"):
        make_classifier(name, side)
    with torch.device("meta"):
        make_classifier(name, side + 1)


def test_a_frozen_backbone_learns_nothing_but_its_last_layer() -> None:
    classifier = Classifier(Embedding(32, EfficientNetLite0()), torch.nn.Linear(1280, 1)).train()
    image = torch.zeros(2, 3, 32, 32, requires_grad=True)
    score: Tensor = classifier(image).sum()
    score.backward()
    assert image.grad is not None
    assert [name for name, p in classifier.named_parameters() if p.requires_grad] == ["network.weight", "network.bias"]
    assert BACKBONES["efficientnet_lite0"].frozen


def test_an_unknown_backbone_names_those_that_are_there() -> None:
    with pytest.raises(ConfigError, match="resnet18"):
        make_classifier("resnet81", 64)
