"""Losses of features, on features whose answer is known."""

from __future__ import annotations

import pytest
import torch

from higan_cam.errors import DataError
from higan_cam.losses.features import (
    face_crop,
    feature_distances,
    gram,
    gram_distance,
    identity_distance,
    layers_of,
)
from tests.losses.networks import small_features
from tests.support.reference2 import draw


def test_one_layer_and_several_are_told_apart() -> None:
    picture = draw("layers", (2, 3, 8, 8))
    assert [layer.shape[1] for layer in layers_of(small_features, picture)] == [4, 6]
    assert len(layers_of(lambda shown: shown.mean(dim=(2, 3)), picture)) == 1


def test_a_layer_counts_by_its_mean_not_by_its_size() -> None:
    small, large = torch.zeros(2, 3), torch.zeros(2, 5, 7, 7)
    found = feature_distances((small + 2, large + 2), (small, large))
    assert found.tolist() == [[4, 4], [4, 4]]


def test_gram_does_not_see_where_things_are() -> None:
    features = draw("gram", (2, 4, 6, 6))
    moved = features.roll((2, 3), dims=(2, 3))
    torch.testing.assert_close(gram(moved), gram(features))
    assert gram_distance([gram(moved)], [gram(features)]).tolist() == pytest.approx([0, 0], abs=1e-10)


def test_gram_of_constant_features_does_not_depend_on_their_size() -> None:
    for side in (2, 16):
        torch.testing.assert_close(gram(torch.full((1, 4, side, side), 3.0)), torch.full((1, 4, 4), 9 / 4))


def test_gram_of_half_precision_neither_overflows_nor_rounds() -> None:
    features = torch.full((1, 2, 64, 64), 300.0, dtype=torch.float16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gram(features)
    assert found.dtype == torch.float32
    assert found.flatten().tolist() == [45_000] * 4


def test_gram_needs_pixels() -> None:
    with pytest.raises(DataError, match=r"\(2, 5\); expected \(N,C,h,w\)"):
        gram(torch.zeros(2, 5))


def test_identity_is_an_angle() -> None:
    one = torch.tensor([[1.0, 0], [0, 2], [-3, 0]])
    assert identity_distance(one, torch.tensor([[5.0, 0]]).expand(3, 2)).tolist() == pytest.approx([0, 1, 2])


@pytest.mark.parametrize("size", [64, 256, 512])
def test_a_face_is_cropped_to_the_middle_of_any_size(size: int) -> None:
    ramp = (torch.arange(size) / size)[None, None, :, None].expand(1, 3, size, size)
    face = face_crop(ramp)
    assert face.shape == (1, 3, 112, 112)
    assert face[0, 0, 0, 0].item() == pytest.approx(35 / 256, abs=1 / 64)
    assert face[0, 0, -1, 0].item() == pytest.approx(223 / 256, abs=1 / 64)
