"""Label maps: every segmenter's classes end in the same eleven parts."""

from __future__ import annotations

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.label.segmenters import LABEL_MAPS, label_map
from higan_cam.worlds.face_parts import PARTS


def test_face_parts_change_nothing() -> None:
    classes = torch.arange(len(PARTS))[None, :, None]
    assert torch.equal(label_map("face_parts").labels(classes), classes.to(torch.uint8))


def test_celebamask_has_its_nineteen_classes_at_their_numbers() -> None:
    labels = label_map("celebamask_hq").labels(torch.tensor([0, 1, 2, 4, 5, 10, 11, 12, 13, 17]))
    assert labels.tolist() == [0, 1, 6, 4, 5, 8, 7, 9, 10, 0]
    assert len(LABEL_MAPS["celebamask_hq"].parts) == len(LABEL_MAPS["face_parsing"].parts) == 19


@pytest.mark.parametrize("name", sorted(LABEL_MAPS))
def test_mirrored_exchanges_eyes_and_brows_and_nothing_else(name: str) -> None:
    plain, mirrored = label_map(name), label_map(f"{name}_mirrored")
    sides = {(a, b) for a, b in zip(plain.parts, mirrored.parts, strict=True) if a != b}
    assert sides == {(2, 3), (3, 2), (4, 5), (5, 4)}
    assert mirrored.mirrored().parts == plain.parts


@pytest.mark.parametrize("name", sorted(LABEL_MAPS))
def test_shares_still_sum_to_one(name: str) -> None:
    chosen = label_map(name)
    likely = torch.rand((2, len(chosen.parts), 3, 4), generator=torch.Generator().manual_seed(0)).softmax(1)
    shares = chosen.shares(likely)
    assert shares.shape == (2, len(PARTS), 3, 4)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 3, 4))


def test_numbers_are_a_label_map_too() -> None:
    assert label_map("0,1,10").labels(torch.tensor([2, 1, 0])).tolist() == [10, 1, 0]


@pytest.mark.parametrize(("name", "said"), [("lappa", "lapa"), ("0,11", "from 0 to 10"), ("0,x", "numbers")])
def test_what_is_no_label_map_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        label_map(name)
