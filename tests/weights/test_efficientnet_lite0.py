"""EfficientNet-Lite0 is the published network: the file fits it key by key, and it knows a palace and a daisy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.weights.efficientnet_lite0 import SIDE, EfficientNetLite0, SameConv2d, load_efficientnet_lite0
from higan_cam.weights.files import load_tensors

PALACE, DAISY = 698, 985
CHANNELS = (16, 24, 40, 80, 112, 192, 320)
SHARES = (2, 4, 8, 16, 16, 32, 32)


@pytest.fixture(scope="module")
def published(fetched: Callable[[str], Path]) -> EfficientNetLite0:
    """With the weights of the package; skipped where it cannot be had."""
    return load_efficientnet_lite0(fetched("efficientnet_lite0"))


@pytest.fixture(scope="module")
def untrained() -> EfficientNetLite0:
    """Random weights, for what is true of any."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return EfficientNetLite0().requires_grad_(False)


def photograph(name: str) -> Tensor:
    """(1,3,224,224) in [-1,1]: the square in the middle of one of scikit-learn's photographs."""
    picture = Image.fromarray(load_sample_image(name))
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)[None] / 127.5 - 1


@pytest.mark.parametrize(("name", "label"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_a_photograph_is_called_what_it_shows(name: str, label: int, published: EfficientNetLite0) -> None:
    with torch.inference_mode():
        logits = published(photograph(name))
    assert logits.shape == (1, 1000)
    assert int(logits.argmax()) == label


def test_every_tensor_of_the_file_is_used_by_its_own_name(
    published: EfficientNetLite0, fetched: Callable[[str], Path]
) -> None:
    tensors, _ = load_tensors(fetched("efficientnet_lite0"))
    own = published.state_dict()
    assert own.keys() == tensors.keys()
    assert all(torch.equal(own[key], tensors[key]) for key in tensors)
    assert not any(parameter.requires_grad for parameter in published.parameters())


def test_features_of_a_photograph_are_alive_at_every_stage(published: EfficientNetLite0) -> None:
    picture = photograph("china.jpg").requires_grad_()
    for features in published.features(picture):
        (gradient,) = torch.autograd.grad(features.square().mean(), picture, retain_graph=True)
        assert features.std() > 0.1
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


@settings(max_examples=25)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_stages_have_their_share_of_any_side_rounded_up(height: int, width: int, untrained: EfficientNetLite0) -> None:
    shapes = [tuple(each.shape) for each in untrained.features(torch.zeros(1, 3, height, width))]
    expected = [(1, c, -(-height // s), -(-width // s)) for c, s in zip(CHANNELS, SHARES, strict=True)]
    assert shapes == expected


@given(side=st.integers(1, 12), kernel=st.sampled_from([1, 3, 5]), stride=st.sampled_from([1, 2]))
def test_padding_is_centered_with_an_odd_rest_at_the_end(side: int, kernel: int, stride: int) -> None:
    """Counted: each output of a kernel of ones on a picture of ones is how many pixels lie below the kernel."""
    layer = SameConv2d(1, 1, kernel, stride)
    torch.nn.init.ones_(layer.weight)
    outputs = -(-side // stride)
    start = -(max((outputs - 1) * stride + kernel - side, 0) // 2)
    below = [sum(0 <= start + stride * output + tap < side for tap in range(kernel)) for output in range(outputs)]
    found = layer(torch.ones(1, 1, side, side)).detach()[0, 0]
    assert torch.equal(found, torch.outer(torch.tensor(below), torch.tensor(below)).float())


def test_training_mode_never_matters(untrained: EfficientNetLite0) -> None:
    picture = torch.linspace(-1, 1, 3 * 48 * 48).view(1, 3, 48, 48)
    before = untrained(picture)
    mean = untrained.get_buffer("_bn0.running_mean").clone()
    holder = torch.nn.ModuleList([untrained]).train()
    assert not any(module.training for module in holder[0].modules())
    torch.testing.assert_close(untrained(torch.cat([picture, -picture]))[:1], before)
    assert torch.equal(untrained.get_buffer("_bn0.running_mean"), mean)


def test_pixels_go_in_as_the_network_was_trained() -> None:
    """(x - 127) / 128 of 8-bit values: 127 is what padding looks like."""
    network = EfficientNetLite0()
    seen: list[Tensor] = []
    network._conv_stem.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    values = torch.tensor([0.0, 127.0, 255.0])
    network.features((values / 127.5 - 1).view(1, 1, 1, 3).expand(1, 3, 8, 3))
    torch.testing.assert_close(seen[0][0, 0, 0], torch.tensor([-127 / 128, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_logits_come_of_the_last_stages_mean_over_places(untrained: EfficientNetLite0) -> None:
    picture = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    head = untrained._bn1(untrained._conv_head(untrained.features(picture)[-1]))
    torch.testing.assert_close(untrained(picture), untrained._fc(F.relu6(head).mean(dim=(2, 3))))


def test_a_file_that_was_not_fetched_or_does_not_fit_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"not fetched yet .* `higan-cam weights fetch efficientnet_lite0`"):
        load_efficientnet_lite0()
    torch.save({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth: is no EfficientNet-Lite0: .*Missing key.*_bn0\.weight"):
        load_efficientnet_lite0(tmp_path / "other.pth")
