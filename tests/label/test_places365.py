"""HiGAN's scene predictor: names, files, and weights that nobody changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label import load_scorer
from higan_cam.label.places365 import MATRIX_FILE, attribute_names, category_names, find_target
from higan_cam.label.resnet import ResNet18

IMAGE = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the published layout, the matrix beside them."""
    folder = tmp_path_factory.mktemp("places365")
    torch.manual_seed(0)
    network = ResNet18(width=64, classes=365).eval()
    tensors = {f"module.{k}": v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    path = folder / "wideresnet18_places365.pth.tar"
    torch.save({"epoch": 90, "arch": "wideresnet18", "state_dict": tensors, "best_prec1": 55.0}, path)
    matrix = np.random.Generator(np.random.PCG64(0)).standard_normal((102, 512)).astype(np.float32)
    np.save(folder / MATRIX_FILE, matrix)
    return path


def test_names_are_the_recorded_ones(parity: Path) -> None:
    record = json.loads((parity / "statedict_higan_scene_wideresnet18.json").read_text())
    assert list(attribute_names()) == record["attribute_names"]
    assert len(category_names()) == len(set(category_names())) == 365


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("indoor lighting", ("attribute", 76, "indoor_lighting")),
        ("natural_light", ("attribute", 74, "natural_light")),
        ("bedroom", ("category", 52, "bedroom")),
        ("living room", ("category", 215, "living_room")),
        ("attribute:ocean", ("attribute", 66, "ocean")),
        ("category:ocean", ("category", 243, "ocean")),
    ],
)
def test_targets_are_found_by_name(text: str, found: tuple[str, int, str]) -> None:
    assert find_target(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("indor lighting", "Did you mean 'indoor_lighting'"),
        ("bedrom", "Did you mean 'bedroom'"),
        ("ocean", "is both; write attribute:ocean or category:ocean"),
        ("categry:ocean", "Did you mean 'category'"),
    ],
)
def test_other_targets_are_refused_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"scorer\.target.*{message}"):
        find_target(text)


@pytest.mark.parametrize("target", ["indoor lighting", "bedroom"])
def test_scoring_twice_gives_the_same_scores(weights: Path, target: str) -> None:
    """HiGAN's predictor changes its own weights (in place, while it loads); nothing may change them here."""
    scorer = load_scorer("places365", weights, target=target)
    first = scorer.score(IMAGE)
    again, loaded_again = scorer.score(IMAGE), load_scorer("places365", weights, target=target).score(IMAGE)
    assert torch.equal(first, again)
    assert torch.equal(first, loaded_again)
    assert first.shape == (2,)
    assert not first.requires_grad


def test_negative_weights_of_the_category_layer_count(weights: Path) -> None:
    network: Any = load_scorer("places365", weights, target="bedroom")
    assert float(network.network.fc.weight.min()) < 0


def test_probabilities_of_all_categories_sum_to_one(weights: Path) -> None:
    logit: Any = load_scorer("places365", weights, target="bedroom")
    probability = load_scorer("places365", weights, target="bedroom", output="probability")
    logits = logit.network(logit.prepare(IMAGE))
    torch.testing.assert_close(logit.score(IMAGE), logits[:, 52])
    torch.testing.assert_close(probability.score(IMAGE), logits.softmax(1)[:, 52])
    assert probability.score_range == (0.0, 1.0)
    assert logit.score_range == (-torch.inf, torch.inf)


def test_the_wide_network_and_the_plain_one_read_the_same_file_differently(weights: Path) -> None:
    wide, plain = (
        load_scorer("places365", weights, target="bedroom", arch=arch) for arch in ("wideresnet18", "resnet18")
    )
    assert not torch.allclose(wide.score(IMAGE), plain.score(IMAGE))


def test_scores_are_differentiable(weights: Path) -> None:
    image = IMAGE.clone().requires_grad_()
    load_scorer("places365", weights, target="indoor lighting").score(image).sum().backward()
    assert image.grad is not None
    assert float(image.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "indoor lighting", "arch": "resnet18"}, "is an attribute; those are raw scores of arch wideres"),
        ({"target": "indoor lighting", "output": "probability"}, "without a probability"),
        ({"target": "bedroom", "arch": "resnet81"}, r"scorer\.arch.*Did you mean 'resnet18'"),
        ({}, r"scorer\.target: places365 needs one"),
        ({"target": "bedroom", "factory": "a:B"}, r"scorer\.factory: places365 has no use for it, got 'a:B'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(weights: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scorer("places365", weights, **settings)


def test_the_embedded_name_is_no_file_of_another_network() -> None:
    with pytest.raises(ConfigError, match=r"scorer\.weights: 'rooms' are those of lighting; name the file"):
        load_scorer("places365", target="bedroom")


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((101, 512), np.float32), r"expected a \(102, 512\) array of floats, found \(101, 512\)"),
        (np.array([{"a": 1}], dtype=object), "not a readable .npy array"),
        (None, f"no such file; scorer.matrix expects HiGAN's {MATRIX_FILE}"),
    ],
)
def test_a_matrix_that_is_none_is_refused_unread(weights: Path, tmp_path: Path, matrix: Any, message: str) -> None:
    path = tmp_path / "matrix.npy"
    if matrix is not None:
        np.save(path, matrix, allow_pickle=True)  # the pickle in one of the cases is what must not be read
    with pytest.raises(WeightsError, match=message):
        load_scorer("places365", weights, target="indoor lighting", matrix=str(path))


def test_home_is_expanded_for_the_matrix_and_what_stands_in_its_place_is_named(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "m.npy").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(WeightsError, match=r"m\.npy: this is a Git LFS pointer"):
        load_scorer("places365", weights, target="indoor lighting", matrix="~/m.npy")
