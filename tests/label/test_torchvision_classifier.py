"""A classifier of torchvision, from a file in its own layout, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import models
from torchvision.transforms.v2 import functional as tv

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label import load_scorer
from higan_cam.label.torchvision_classifier import POSITIONS, _build, options_of, published_for

ARCH = "mobilenet_v3_small"
IMAGE = torch.rand(2, 3, 80, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    return models.get_model(ARCH, weights=None).eval()


@pytest.fixture(scope="module")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classifier") / "mobilenet.pth"
    torch.save(network.state_dict(), path)
    return path


@torch.no_grad()
def test_a_class_scores_its_logit_or_probability(network: Any, weights: Path) -> None:
    resized = tv.resize(((IMAGE + 1) / 2), [224, 224], antialias=True)
    logits = network(tv.normalize(resized, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    logit = load_scorer("torchvision", weights, arch=ARCH, target="table lamp")
    probability = load_scorer("torchvision", weights, arch=ARCH, target="846", output="probability")
    torch.testing.assert_close(logit.score(IMAGE), logits[:, 846], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(probability.score(IMAGE), logits.softmax(1)[:, 846], atol=1e-6, rtol=1e-3)
    assert logit.attribute == probability.attribute == "table lamp"


def test_a_file_of_three_classes_is_a_classifier_of_three(tmp_path: Path) -> None:
    torch.manual_seed(0)
    own = models.get_model(ARCH, weights=None, num_classes=3)
    path = tmp_path / "own.pth"
    torch.save({"state_dict": {f"module.{k}": v for k, v in own.state_dict().items()}, "epoch": 3}, path)
    assert load_scorer("torchvision", path, arch=ARCH, target="2").attribute == "class 2"
    with pytest.raises(ConfigError, match=r"scorer\.target: class 3 of a classifier with 3; expected 0 to 2"):
        load_scorer("torchvision", path, arch=ARCH, target="3")
    with pytest.raises(ConfigError, match=r"only the 1000 published classes have names and the file has 3"):
        load_scorer("torchvision", path, arch=ARCH, target="table lamp")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arch": "mobilnet_v3_small", "target": "1"}, r"scorer\.arch.*Did you mean 'mobilenet_v3_small'"),
        ({"arch": ARCH, "target": "tabel lamp"}, r"scorer\.target.*Did you mean 'table lamp'"),
        ({"target": "1"}, r"scorer\.arch: torchvision needs one"),
    ],
)
def test_unknown_names_get_the_nearest(weights: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scorer("torchvision", weights, **settings)


def test_a_file_of_another_network_is_refused(weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"mobilenet\.pth: does not fit ResNet: "):
        load_scorer("torchvision", weights, arch="resnet18", target="1")


@pytest.mark.parametrize("arch", ["googlenet", "inception_v3"])
def test_networks_that_want_another_normalisation_convert_to_it(arch: str) -> None:
    assert vars(_build(arch))["transform_input"] is True


@pytest.mark.parametrize(
    ("arch", "side", "mode"),
    [
        ("vit_h_14", 518, "bicubic"),
        ("vit_h_14", 224, "bicubic"),
        ("vit_b_16", 384, "bicubic"),
        ("vit_b_16", 224, "bilinear"),
    ],
)
def test_a_vision_transformers_file_says_for_which_pictures_it_is(arch: str, side: int, mode: str) -> None:
    with torch.device("meta"):
        tensors = models.get_model(arch, weights=None, image_size=side).state_dict()
    assert options_of(arch, tensors) == {"image_size": side}
    transforms = published_for(arch, side).transforms()
    assert (transforms.crop_size, transforms.interpolation.value) == ([side], mode)


@pytest.mark.slow
def test_a_vision_transformer_of_a_size_of_its_own_scores_pictures_of_any(tmp_path: Path) -> None:
    torch.manual_seed(0)
    own = models.get_model("vit_b_32", weights=None, image_size=64, num_classes=7).eval()
    torch.save(own.state_dict(), tmp_path / "vit.pth")
    scorer = load_scorer("torchvision", tmp_path / "vit.pth", arch="vit_b_32", target="6")
    resized = tv.resize((IMAGE + 1) / 2, [64, 64], antialias=True)
    with torch.no_grad():
        expected = own(tv.normalize(resized, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))[:, 6]
    torch.testing.assert_close(scorer.score(IMAGE), expected, atol=1e-4, rtol=1e-4)


def test_a_vision_transformers_file_of_patches_in_no_square_is_refused(tmp_path: Path) -> None:
    tensors = {POSITIONS: torch.zeros(1, 1 + 12, 768)}
    torch.save(tensors, tmp_path / "vit.pth")
    with pytest.raises(WeightsError, match=r"vit\.pth: does not fit VisionTransformer"):
        load_scorer("torchvision", tmp_path / "vit.pth", arch="vit_b_32", target="6")


def test_scores_are_differentiable(weights: Path) -> None:
    image = IMAGE.clone().requires_grad_()
    load_scorer("torchvision", weights, arch=ARCH, target="1").score(image).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_wrappers_are_looked_through_and_the_averaged_copy_is_taken(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    other = models.get_model(ARCH, weights=None).eval().state_dict()
    raw = {f"model._orig_mod.{key}": value for key, value in other.items()}
    averaged = {f"module.{key}": value for key, value in network.state_dict().items()}
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}}
    torch.save({"state_dict": raw, "state_dict_ema": averaged, "optimizer": optimizer}, tmp_path / "x.ckpt")
    torch.save(network.state_dict(), tmp_path / "plain.pth")
    monkeypatch.setenv("HOME", str(tmp_path))

    def score(name: str) -> torch.Tensor:
        return load_scorer("torchvision", f"~/{name}", arch=ARCH, target="846").score(IMAGE)

    with torch.no_grad():
        assert torch.equal(score("x.ckpt"), score("plain.pth"))
        assert not torch.equal(score("x.ckpt#state_dict.model"), score("plain.pth"))


def test_a_file_of_something_else_is_listed_by_group(tmp_path: Path) -> None:
    torch.save({"encoder": {"w": torch.zeros(1)}, "head": {"w": torch.zeros(1)}}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"the file holds encoder \(1 tensors, e\.g\. encoder\.w\), head \("):
        load_scorer("torchvision", tmp_path / "x.pth", arch=ARCH, target="2")
