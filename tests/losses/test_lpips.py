"""LPIPS: a distance, with heads that have to fit; finite gradients where a network sees nothing."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.losses import Parts, make_losses
from higan_cam.losses.lpips import Lpips, load_heads
from higan_cam.losses.networks import PERCEPTUAL, Networks
from higan_cam.weights.files import save_tensors
from tests.losses.networks import drawn_heads
from tests.support.reference2 import draw

Files = dict[str, str | Path]


@pytest.fixture(scope="module")
def lpips(parts: Parts) -> Lpips:
    return PERCEPTUAL["alex"](Networks(parts))


def test_equal_pictures_are_at_distance_0_and_either_order_is_one_distance(lpips: Lpips) -> None:
    one, other = (lpips.features(draw(f"lpips/{name}", (2, 3, 64, 64)).clamp(-1, 1)) for name in "ab")
    assert lpips.distances(one, one).sum().item() == 0
    torch.testing.assert_close(lpips.distances(one, other), lpips.distances(other, one))
    assert (lpips.distances(one, other) > 0).all()


def test_features_have_unit_length_or_none(lpips: Lpips) -> None:
    for layer in lpips.features(draw("lpips/unit", (1, 3, 64, 64))):
        lengths = layer.norm(dim=1)
        assert ((lengths - 1).abs().lt(1e-5) | lengths.eq(0)).all()


def test_where_the_network_sees_nothing_the_gradient_is_finite(lpips: Lpips) -> None:
    dark = deepcopy(lpips.trunk)
    torch.nn.init.constant_(dark.get_parameter("features.0.bias"), -1e6)  # no unit of the first layer is on
    picture = draw("lpips/dark", (1, 3, 64, 64)).requires_grad_()
    seen = replace(lpips, trunk=dark).features(picture)
    assert not seen[0].any()
    distance = lpips.distances(seen, lpips.features(torch.zeros(1, 3, 64, 64))).sum()
    (gradient,) = torch.autograd.grad(distance, picture)
    assert gradient.isfinite().all()


def test_heads_of_the_package_and_of_its_whole_network_are_read(files: Files, tmp_path: Path) -> None:
    heads = drawn_heads("alexnet", "heads_alex.{name}")
    listed = {key.replace("lin", "lins.", 1): value for key, value in heads.items()}
    save_tensors(tmp_path / "whole.safetensors", {**listed, "scaling_layer.shift": torch.zeros(1, 3, 1, 1)}, {})
    for path in (files["lpips_alex"], tmp_path / "whole.safetensors"):
        found = load_heads("alexnet", path)
        assert all(torch.equal(head, heads[f"lin{n}.model.1.weight"].flatten()) for n, head in enumerate(found))


def test_heads_of_another_network_are_refused(files: Files) -> None:
    with pytest.raises(WeightsError, match=r"lpips_alex.*for vgg16 have \[64, 128.*got \[64, 192"):
        load_heads("vgg16", files["lpips_alex"])
    with pytest.raises(WeightsError, match=r"got \[0, 0, 0, 0, 0\]"):
        load_heads("alexnet", files["alexnet"])


def test_a_larger_picture_is_shrunk_by_areas_where_a_side_is_given(parts: Parts) -> None:
    small, target = draw("lpips/small", (1, 3, 32, 32)).clamp(-1, 1), torch.zeros(1, 3, 32, 32)
    large = small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    losses = make_losses({"lpips:alex": 1, "pixel": 1}, parts, side=32)
    found = losses(large, target.repeat(1, 1, 2, 2)).total
    torch.testing.assert_close(found, losses(small, target).total)
